"""Facts for a small report, with each text that comes from outside as a test wants it."""

import numpy as np

from roadseg.report import narrative
from roadseg.report.ablation import ablation_table
from roadseg.report.ablation_words import ablation_facts
from roadseg.report.chart import panels
from roadseg.report.confusion_view import confusion_view
from roadseg.report.embedded import webp
from roadseg.report.figures import plot_palette
from roadseg.report.frame_views import frames_sentence
from roadseg.report.pages import write_pages

CLASSES = [{"class": f"class {i}", "iou": i / 19, "pixels": i, "share": i / 171} for i in range(19)]
SCORE = {"miou": 0.5, "miou_present": 0.6, "pixel_accuracy": 0.7, "fw_iou": 0.65}

HOSTILE = [
    "a&b<c>",
    ']<svg onload="document.title=1">',
    "x](http:127.0.0.1:9) [y",
    "![x](http://127.0.0.1/y.png)",
    "<https://a.example> https://b.example www.c.example d@e.example",
    "q'uo\"te `tick` ``two``",
    "pipe|x || y",
    "cam$1_$_0",
    "star*_u_ **bold** __bold__ ~~gone~~",
    "# head",
    "-rf",
    "a\\b \\* \\",
    "&lt;b&gt; &#60; &amp;amp;",
    '{{ 7 * 7 }} {% x %} #let #image("a") [c]{.d}',
    "javascript:alert(1)",
    "😀 日本 مرحبا שלום",
    "e\u0301",
]

FRAMES = {"train": 100, "val": 10, "test": 50}


def run_of(variant, miou=0.5, **changes):
    """One run's line of the ablation."""
    named = {"group": "g", "variant": variant, "seed": 1, "data": "synthetic", "against": "", "changed": ""}
    cost = {"gflops": 9.0, "gflops_ran": 4.0, "params_m": 1.0, "seconds": 9.0}
    return named | {"dice": "Y", "miou": miou, "published": None} | cost | changes


def facts(variants=1, pictures=1, outside="a name", source="synthetic"):
    """Return facts in which every text that comes from outside is, or holds, `outside`."""
    runs = [run_of(f"v{i}") for i in range(variants)] + [run_of(outside, against="v0", changed=f"{outside}, b")]
    return {
        "title": narrative.title(outside, source),
        "headline": {
            "miou_percent": 51.236,
            "gflops": 10.0,
            "efficiency": 5.1236,
            "gflops_ran": 2.5,
            "efficiency_ran": 20.4944,
        },
        "flops": {"params_m": 3.0},
        "task": narrative.TASK,
        "scores": narrative.scores(SCORE, CLASSES, 50, "Its cost."),
        "other_network": narrative.other_network(outside, "another"),
        "settings": {"pretrained": outside, "seed": 1},
        "selection": narrative.selection("val", 3, 8, FRAMES),
        "classes": [{**CLASSES[1], "class": outside}, *CLASSES],
        "weakest": narrative.weakest([{**CLASSES[1], "class": outside}, *CLASSES]),
        **ablation_facts(ablation_table(runs), source),
        "pictures": [
            {"number": str(i), "name": outside, "file": f"frames/{i:02d}.png"} for i in range(1, pictures + 1)
        ],
        "limitations": narrative.limitations(source, FRAMES, "val", 1, outside, [outside]),
    }


def views(frames=1, outside="a name"):
    """Return what HTML alone shows, in which every text that comes from outside is, or holds, `outside`."""
    layers = dict.fromkeys(("picture", "truth", "prediction", "errors"), webp(np.zeros((4, 8, 3), np.uint8)))
    frame = {"name": outside, "words": f"mIoU 1.0 %; missed most: {outside} 9 %", "missed": "3 0", "truth": "4 0"}
    return {
        "frames": {
            "sentence": frames_sentence(frames, frames),
            "legend": [("#000000", outside), ("#ffffff", "sky")],
            "shown": [frame | {"layers": layers}] * frames,
        },
        "confusion": confusion_view(np.array([[3, 1, 0], [0, 400, 0], [1, 1, 1]]), ["road", outside, "sky"]),
        "suspects": {
            "sentence": narrative.suspects(2, 2),
            "frames": [{"image": outside, "split": outside, "regions": 2, "share": 0.1, "suspicion": 9}],
            "shown": [
                frame
                | {"rank": 1, "image": outside, "split": outside, "label": outside, "predicted": outside}
                | {"layers": {"picture": layers["picture"]}}
            ]
            * 2,
        },
        "data": {
            "sentence": outside,
            "splits": [{"split": outside, "frames": 4, "labelled": 0.9}, {"split": "test", "frames": 2, "labelled": 1}],
            "classes": [{"class": outside, "shares": [0.1, 0.2], "frames": [3, 0]}],
            "sizes": [{"size": "3x4", "frames": 6}],
            "twins": [{"tested": outside, "other": outside, "alike": "the same"}],
            "legend": [("#000000", outside)],
            "shown": [
                {
                    "name": outside,
                    "split": outside,
                    "layers": {"picture": layers["picture"], "label": layers["truth"]},
                }
            ],
        },
        "panels": panels(ablation_table([run_of("cheap", gflops=3.0, miou=0.4), run_of(outside)])),
    }


def write(folder, content, shown=None):
    """Write the three forms, and return the bytes of each."""
    (folder / "frames").mkdir(parents=True)
    for name in (
        "curves.png",
        "confusion.png",
        "ablation.png",
        "palette.png",
        *(p["file"] for p in content["pictures"]),
    ):
        plot_palette(folder / name)
    write_pages(content, shown or views(), folder)
    return {form: (folder / f"report.{form}").read_bytes() for form in ("md", "html", "pdf")}
