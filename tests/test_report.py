"""The stage `report` makes a whole report of what a run may leave, whatever the names of its frames."""

import os
from functools import partial
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest
from conftest import write_picture
from finished_run import finish_run, report_of

import report
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError

NAMES_OF_FRAMES = [
    ']<svg onload="document.title=1">',
    '"><script>document.title=1',
    "x](http:127.0.0.1:9) [y",
    "a&b<c>",
    "q'uo\"te `tick`",
    "pipe|x",
    "tab\there",
    "new\nline",
    "cam$1_$_0",
    "star*_u_ #1",
    "a\\b",
    "-rf",
    "c:d",
    "50%",
    os.fsdecode(b"Stra\xdfe"),
    "😀 日本 مرحبا",
    "\u202egnp",
    "{{ 7 * 7 }}",
    "frame.0001.x",
    " space ",
    "x" * 250,
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that leaves a finished run, reports it, and returns the pages as text."""
    monkeypatch.chdir(tmp_path)

    return partial(report_of, tmp_path)


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.elements, self.names, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, [name for name, _ in attrs]))
        self.inside = tag == "bdi"

    def handle_endtag(self, _):
        self.inside = False

    def handle_data(self, data):
        self.names += [data] if self.inside else []


def test_any_name_gives_a_whole_report_and_is_shown(run):
    page = Page(run(NAMES_OF_FRAMES)["html"])
    expected = ["tab\\there", "new\\nline", "Stra\\xdfe", "\\u202egnp"]
    shown = [name for name in NAMES_OF_FRAMES if name.encode(errors="replace").decode() == name]
    for name in [*expected, *(name for name in shown if name.isprintable())]:
        assert name in page.names
    pictures = sorted(path.name for path in (paths.REPORT / "frames").iterdir())
    assert pictures == [f"{number:02d}.png" for number in range(1, len(NAMES_OF_FRAMES) + 1)]
    allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "table", "thead", "tbody", "tr"}
    allowed |= {"th", "td", "strong", "bdi", "figure", "figcaption", "img", "ul", "li"}
    allowed |= {"nav", "a", "div", "span", "label", "select", "option", "button", "output", "input", "script"}
    allowed |= {"details", "summary", "svg", "g", "title", "text", "line", "polyline", "circle"}
    assert {tag for tag, _ in page.elements} <= allowed
    attributes = {name for _, names in page.elements for name in names}
    known = {"lang", "charset", "http-equiv", "content", "name", "class", "alt", "src", "id", "href", "style"}
    controls = {"type", "min", "max", "step", "value", "aria-label"}
    drawing = {
        "viewbox",
        "role",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "points",
        "text-anchor",
        "transform",
    }
    assert attributes == known | controls | drawing | {"data-missed", "data-truth", "data-says", "title", "tabindex"}


def test_the_pictures_do_not_depend_on_the_names(run, tmp_path):
    run([os.fsdecode(b"$\xdf$"), "plain"])
    first, second = sorted((paths.REPORT / "frames").iterdir())
    assert first.read_bytes() == second.read_bytes()


def test_the_report_says_whose_frames_are_whose(run):
    text = run(**{"data.source": "seg_data", "data.seg_data.path": "/data/me/frames"})["md"]
    assert text.startswith("# Road-scene segmentation: resnet18_slim_segformer on the user's own frames\n")
    assert "of generated scenes, not of the user's own frames" in text
    assert "/data/me" not in text


def test_a_report_of_one_frame_speaks_of_one(run):
    text = run(["only"])["md"]
    for part in (
        "on 1 test frame;",
        "Trained on 1 frame;",
        "of 1 frame held out",
        "1 training frame and 1 test frame:",
    ):
        assert part in text


def test_addresses_lose_their_secrets(run):
    pages = run(pretrained="https://me:hunter2@host/w.pth?sig=abc123")
    for text in pages.values():
        assert "https" in text
        assert "/host/w.pth?sig=..." in text
        assert "hunter2" not in text
        assert "abc123" not in text


def test_an_ablation_table_of_an_older_version_is_refused(run, tmp_path):
    finish_run(tmp_path, ["a"])
    paths.ABLATION.with_suffix(".csv").write_text("group,variant\nquick,ce\n")
    with pytest.raises(UserError, match="has no column against; make it again"):
        report.main()


def test_a_frame_too_large_to_draw_whole_is_drawn_small(run, tmp_path):
    finish_run(tmp_path, ["strip"])
    label = np.zeros((10, 20000), np.uint8)
    write_picture(paths.SEG_DATA / "testing" / "image" / "strip.png", cv2.cvtColor(label, cv2.COLOR_GRAY2BGR))
    for file in (paths.SEG_DATA / "testing" / "label" / "strip.png", paths.PREDICTIONS / "grey" / "strip.png"):
        write_picture(file, label)
    report.main()
    height, width = cv2.imread(str(paths.REPORT / "frames" / "01.png")).shape[:2]
    assert 500 < height < width < 1500


def test_what_fine_tuning_does_is_named(run):
    text = run(**{"train.clip": 1.0, "train.batch_norm": "frozen"})["md"]
    assert "| fine-tuning | frozen batch norms, gradients clipped at 1 |" in text
