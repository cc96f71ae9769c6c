"""The three forms of the report hold the same facts, need no other file, and keep to two pages."""

import pytest

from roadseg.report import narrative
from roadseg.report.ablation import ablation_table, caption, markdown, note, sections
from roadseg.report.figures import plot_palette
from roadseg.report.pages import embed_pictures, write_pages

CLASSES = [{"class": f"class {i}", "iou": i / 19, "pixels": i, "share": i / 171} for i in range(19)]
SCORE = {"miou": 0.5, "miou_present": 0.6, "pixel_accuracy": 0.7, "fw_iou": 0.65}


def facts(variants, pictures):
    runs = [
        {
            "group": "g",
            "data": "synthetic",
            "variant": f"v{i}",
            "seed": 1,
            "dice": "Y",
            "miou": 0.5,
            "gflops": 9.0,
            "params_m": 1.0,
        }
        | {"seconds": 9.0, "published": None}
        for i in range(variants)
    ]
    table = ablation_table(runs)
    return {
        "title": "A title",
        "headline": {"miou_percent": 51.236, "gflops": 10.0, "efficiency": 5.1236},
        "flops": {"params_m": 3.0},
        "task": narrative.TASK,
        "scores": narrative.scores(SCORE, CLASSES, 50, "Its cost."),
        "other_network": "",
        "settings": {"loss": "ce_dice", "seed": 1},
        "selection": narrative.selection("val", 3, 8, {"train": 100, "val": 10}),
        "classes": CLASSES,
        "weakest": CLASSES[1:4],
        "ablation": markdown(table),
        "ablation_groups": sections(table),
        "ablation_note": note(table),
        "ablation_caption": caption(table),
        "pictures": [f"{i:06d}" for i in range(pictures)],
        "limitations": narrative.limitations("synthetic", {"train": 100, "val": 10, "test": 50}, "val", 1, "cpu", []),
    }


def write(folder, content):
    (folder / "frames").mkdir(parents=True)
    for name in ("curves", "confusion", "ablation", "palette", *(f"frames/{stem}" for stem in content["pictures"])):
        plot_palette(folder / f"{name}.png")
    write_pages(content, folder)
    return {form: (folder / f"report.{form}").read_bytes() for form in ("md", "html", "pdf")}


def pages_of(pdf):
    return pdf.count(b"/Type/Page/") + pdf.count(b"/Type/Page\n") + pdf.count(b"/Type /Page\n")


def test_all_forms_have_the_headline_and_the_html_needs_no_other_file(tmp_path):
    forms = write(tmp_path / "a", facts(3, 2))
    assert "**51.24 %**" in forms["md"].decode()
    page = forms["html"].decode()
    assert "<strong>51.24 %</strong>" in page
    assert "<td>v2</td>" in page
    assert page.count("data:image/png;base64,") == forms["md"].decode().count("![") == 6
    assert 'src="http' not in page
    assert ".png" not in page
    assert forms["pdf"].startswith(b"%PDF")
    assert sorted(file.name for file in (tmp_path / "a").glob("*.*") if file.suffix != ".png") == [
        "report.html",
        "report.md",
        "report.pdf",
    ]


def test_the_same_facts_give_the_same_bytes(tmp_path):
    assert write(tmp_path / "a", facts(2, 1)) == write(tmp_path / "b", facts(2, 1))


@pytest.mark.parametrize("variants", [1, 24])
def test_the_pdf_has_at_most_two_pages(tmp_path, variants):
    assert 1 <= pages_of(write(tmp_path / "a", facts(variants, 6))["pdf"]) <= 2


def test_pictures_are_embedded_as_they_are(tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x01\x02")
    html = embed_pictures('<img alt="x" src="a.png"><img src="https://b/c.png">', tmp_path)
    assert html == '<img alt="x" src="data:image/png;base64,AQI="><img src="https://b/c.png">'


def test_sentences_say_what_limits_the_figures():
    frames = {"train": 100, "val": 10, "test": 50}
    message = " ".join(narrative.limitations("kitti", frames, "test", 7, "NVIDIA H200", ["train", "bus"]))
    for fact in ("one city", "100 training and 50 test", "chosen on the test frames", "seed 7, on NVIDIA H200"):
        assert fact in message
    assert "No test frame holds train, bus" in message
    assert "No test frame holds" not in " ".join(narrative.limitations("kitti", frames, "val", 7, "cpu", []))
    assert narrative.selection("last", 8, 8, {"train": 100, "val": 0}) == (
        "Trained on 100 frames; of 8 epochs, number 8 was chosen as the last, without looking."
    )
    assert narrative.other_network("a", "a") == ""
    assert narrative.other_network("a", "b").startswith("The cost is that of another network, a ")
