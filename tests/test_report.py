"""The stage `report` makes a whole report of what a run may leave, whatever the names of its frames."""

import os
from functools import partial
from html.parser import HTMLParser

import pytest
from finished_run import report_of

from roadseg.pipeline import paths

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


class Names(HTMLParser):
    """What a page shows as a name, and the tags that only an element from outside would have."""

    def __init__(self, text):
        super().__init__()
        self.names, self.tags, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, _):
        self.inside = tag == "bdi"
        self.tags.append(tag)

    def handle_data(self, data):
        self.names += [data] if self.inside else []
        self.inside = False


def test_any_name_gives_a_whole_report_and_is_shown(run):
    page = Names(run(NAMES_OF_FRAMES)["html"])
    shown = [name for name in NAMES_OF_FRAMES if name.encode(errors="replace").decode() == name and name.isprintable()]
    assert {"tab\\there", "new\\nline", "Stra\\xdfe", "\\u202egnp", *shown} <= set(page.names)
    assert page.tags.count("script") == 1
    assert "svg" not in page.tags
    pictures = sorted(path.name for path in (paths.REPORT / "frames").iterdir())
    assert pictures == [f"{number:02d}.png" for number in range(1, len(NAMES_OF_FRAMES) + 1)]


def test_the_pictures_do_not_depend_on_the_names(run):
    run([os.fsdecode(b"$\xdf$"), "plain"])
    first, second = sorted((paths.REPORT / "frames").iterdir())
    assert first.read_bytes() == second.read_bytes()


def test_the_report_says_what_ran_and_on_whose_frames(run):
    changes = {"data.source": "seg_data", "data.seg_data.path": "/data/me/frames", "train.lr": 0.5}
    text = run(["only"], **changes, **{"predict.passes.flip": True})["md"]
    assert text.startswith("# Road-scene segmentation: resnet18_slim_segformer on the user's own frames\n")
    assert "of generated scenes, not of the user's own frames" in text
    assert "/data/me" not in text
    assert "| optimizer | adamw, learning rate 0.5, weight decay 0.0001 |" in text  # the second is the recipe's
    assert "| test-time augmentation | mirrored as well |" in text
    assert "| recipe |\n" not in text
    for part in ("on 1 test frame;", "Trained on 1 frame for", "1 training frame and 1 test frame:"):
        assert part in text


def test_the_summary_is_in_a_file_of_its_own_and_printed(run, capsys):
    run()
    summary = paths.SUMMARY.read_text()
    assert capsys.readouterr().out == summary
    assert summary.startswith("mIoU        10.00 %  (90.00 % over the classes that occur)\ncost        10.00 GFLOPs\n")
    assert summary.endswith("\nreport      report/report.html, predictions in data/predictions\n")


def test_addresses_lose_their_secrets(run):
    for text in run(pretrained="https://me:hunter2@host/w.pth?sig=abc123").values():
        assert "host/w.pth?sig=..." in text
        assert "hunter2" not in text
        assert "abc123" not in text
