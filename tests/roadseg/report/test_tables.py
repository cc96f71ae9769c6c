"""The tables name the places in the pixels of the files, whatever the files are called."""

import os
from pathlib import PurePath

import pytest

from roadseg.report.regions import Region
from roadseg.report.tables import frame_rows, read_rows, region_rows, write_rows

ODD = PurePath("training/image", os.fsdecode(b'a",\n\xdf\r.png'))
FILES = [("train", PurePath("training/image/a.png"), (100, 400)), ("also/x", ODD, (40, 80))]
RANKED = [
    (1, Region(0, {2: 40}, (3, 5, 10, 11), 0.98765, 8.0, 1.0), 900.4),
    (0, Region(2, {1: 100}, (0, 0, 20, 10), 0.9, 8.0, 1.0), 500.0),
    (1, Region(0, {1: 60}, (0, 0, 8, 8), 0.9, 8.0, 1.0), 100.0),
]
NAMES = ("nan", "road", "car")


@pytest.fixture
def regions():
    return region_rows(RANKED, FILES, (20, 80), NAMES, {1: "00002.png"})


def test_boxes_are_in_the_pixels_of_each_file(regions):
    first, second, _ = regions
    assert [first[side] for side in ("left", "top", "right", "bottom")] == [3, 10, 10, 22]  # twice as high, as wide
    assert [second[side] for side in ("left", "top", "right", "bottom")] == [0, 0, 100, 50]  # five times both
    assert (first["label"], first["predicted"], first["classes"], second["classes"]) == ("nan", "car", "00002.png", "")
    assert first["share"] == pytest.approx(40 / 1600)


def test_frames_are_ordered_by_the_sum_of_their_suspicion():
    worst, second = frame_rows(RANKED, FILES, [1000, 200])
    assert worst == {"split": "also/x", "image": str(ODD), "regions": 2, "share": 0.5, "suspicion": 1000}
    assert second == {"split": "train", "image": "training/image/a.png", "regions": 1, "share": 0.1, "suspicion": 500}


def test_what_is_written_is_read_again(regions, tmp_path):
    write_rows(regions, tmp_path / "a.csv")
    assert read_rows(tmp_path / "a.csv") == regions
    write_rows([], tmp_path / "b.csv")
    assert read_rows(tmp_path / "b.csv") == []
