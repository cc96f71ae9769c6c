"""Facts for a small report, with each text that comes from outside as a test wants it."""

import base64
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np

from roadseg.report import narrative
from roadseg.report.ablation import ablation_facts, ablation_table
from roadseg.report.figures import plot_palette
from roadseg.report.frames import webp
from roadseg.report.pages import write_pages
from roadseg.report.views import confusion_view

CLASSES = [{"class": f"class {i}", "iou": i / 19, "pixels": i, "share": i / 171} for i in range(19)]
SCORE = {"miou": 0.5, "miou_present": 0.6, "pixel_accuracy": 0.7, "fw_iou": 0.65}
TRAINING = narrative.Training(
    source="synthetic",
    fold="none",
    frames={"train": 100, "val": 10, "test": 50},
    pretrained="none",
    seed=7,
    select="val",
    epochs=8,
    epoch=3,
    device="NVIDIA H200",
)
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


class Page(HTMLParser):
    """Elements with their attributes' names, addresses and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.addresses, self.text = [], [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, [name for name, _ in attrs]))
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_decl(self, decl):
        self.elements.append(("!", decl))

    def handle_comment(self, data):
        self.elements.append(("comment", data))

    def handle_data(self, data):
        self.text += data


def decoded(address):
    """The picture that an address of a page holds, (H, W, 3) uint8 RGB."""
    head, _, content = address.partition(",")
    assert head == "data:image/webp;base64"
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def run_of(variant, miou=0.5, **changes):
    """One run's line of the ablation; one of which `miou` is None has not run."""
    named = {"group": "quick", "variant": variant, "seed": 1, "data": "synthetic", "against": "", "changed": ""}
    cost = {"gflops": 10.0, "gflops_ran": 2.5, "params_m": 5.0, "seconds": 61.0}
    if miou is None:
        cost = dict.fromkeys(cost)
    return named | {"dice": "N", "cosine": "N", "miou": miou, "published": None} | cost | changes


def facts(variants=1, pictures=1, outside="a name", source="synthetic"):
    """Return facts in which every text that comes from outside is, or holds, `outside`."""
    runs = [run_of(f"v{i}", dice="Y") for i in range(variants)]
    runs.append(run_of(outside, dice="N", against="v0", changed=f"{outside}, b"))
    training = replace(TRAINING, source=source, device=outside)
    headline = {"miou_percent": 51.236, "gflops": 10.0, "gflops_ran": 2.5}
    classes = [{**CLASSES[1], "class": outside}, *CLASSES]
    return {
        "title": narrative.title(outside, source),
        "headline": headline | {"efficiency": 5.1236, "efficiency_ran": 20.4944},
        "flops": {"params_m": 3.0},
        "task": narrative.TASK,
        "scores": narrative.scores(SCORE, CLASSES, 50, "Its cost."),
        "other_network": narrative.other_network(outside, "another"),
        "settings": {"pretrained": outside, "seed": 1},
        "selection": narrative.selection(training),
        "classes": classes,
        "weakest": narrative.weakest(classes),
        **ablation_facts(ablation_table(runs), source),
        "pictures": [
            {"number": str(i), "name": outside, "file": f"frames/{i:02d}.png"} for i in range(1, pictures + 1)
        ],
        "limitations": narrative.limitations(training, [outside]),
    }


def views(frames=1, outside="a name"):
    """Return what HTML alone shows, in which every text that comes from outside is, or holds, `outside`."""
    picture = webp(np.zeros((4, 8, 3), np.uint8))
    named = {"name": outside, "image": outside, "split": outside}
    frame = named | {"words": f"mIoU 1.0 %; missed most: {outside} 9 %", "missed": "3 0", "truth": "4 0"}
    frame |= {"layers": dict.fromkeys(("picture", "ground truth", "prediction", "errors"), picture)}
    place = named | {"rank": 1, "label": outside, "predicted": outside, "words": "w", "layers": {"picture": picture}}
    legend = [("#000000", outside), ("#ffffff", "sky")]
    return {
        "frames": {"sentence": narrative.frames_shown(frames, frames), "legend": legend, "shown": [frame] * frames},
        "confusion": confusion_view(np.array([[3, 1, 0], [0, 400, 0], [1, 1, 1]]), ["road", outside, "sky"]),
        "suspects": {
            "sentence": narrative.suspects(2, 2, 2),
            "frames": [named | {"regions": 2, "share": 0.1, "suspicion": 9}],
            "shown": [place] * 2,
        },
        "data": {
            "sentence": outside,
            "splits": [{"split": outside, "frames": 4, "labelled": 0.9}, {"split": "test", "frames": 2, "labelled": 1}],
            "classes": [{"class": outside, "shares": [0.1, 0.2], "frames": [3, 0]}],
            "sizes": [{"size": "3x4", "frames": 6}],
            "twins": [{"tested": outside, "other": outside, "alike": "the same"}],
            "legend": legend,
            "shown": [named | {"layers": {"picture": picture, "label": picture}}],
        },
    }


def write(folder, content, shown=None):
    """Write the three forms, and return the bytes of each."""
    (folder / "frames").mkdir(parents=True)
    drawn = ["curves.png", "confusion.png", "ablation.png", "palette.png"]
    for name in [*drawn, *(picture["file"] for picture in content["pictures"])]:
        plot_palette(folder / name)
    write_pages(content, shown or views(), folder)
    return {form: (folder / f"report.{form}").read_bytes() for form in ("md", "html", "pdf")}
