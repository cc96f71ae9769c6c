"""Colours laid over pictures, and the table of classes, by hand-made values."""

import csv
import io
from contextlib import contextmanager
from pathlib import PurePath

import cv2
import numpy as np
import pytest

from roadseg.inference.overlays import overlay, picture_paths, write_pictures
from roadseg.inference.summary import Summary, shares_of

IMAGE = np.full((2, 3, 3), (100, 0, 200), np.uint8)
COLOURS = np.full((2, 3, 3), (0, 200, 100), np.uint8)


@pytest.mark.parametrize(("strength", "mixed"), [(0, (100, 0, 200)), (0.25, (75, 50, 175)), (1, (0, 200, 100))])
def test_an_overlay_mixes_by_its_strength(strength, mixed):
    assert np.array_equal(overlay(IMAGE, COLOURS, strength), np.full((2, 3, 3), mixed, np.uint8))


def test_three_pictures_are_written_through_temporary_names(tmp_path):
    seen = []

    @contextmanager
    def replacing(path):
        seen.append(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path

    paths = picture_paths(tmp_path, PurePath("sub/a.b"))
    classes = np.array([[0, 1, 2], [3, 4, 18]], np.uint8)
    write_pictures(paths, IMAGE, classes, COLOURS, 0.5, replacing)
    assert [str(path.relative_to(tmp_path)) for path in seen] == [
        *("grey/sub/a.b.png", "color/sub/a.b.png", "overlay/sub/a.b.jpg")
    ]
    assert np.array_equal(cv2.imread(str(paths[0]), cv2.IMREAD_UNCHANGED), classes)
    assert np.array_equal(cv2.imread(str(paths[1]), cv2.IMREAD_COLOR_RGB), COLOURS)
    assert np.abs(cv2.imread(str(paths[2]), cv2.IMREAD_COLOR_RGB).astype(int) - (50, 100, 150)).max() <= 3


def test_shares_are_counts_over_the_frame():
    classes = np.array([[0, 0, 3], [3, 3, 255]], np.uint8)
    assert shares_of(classes, 4).tolist() == pytest.approx([2 / 6, 0, 0, 3 / 6])


def test_the_table_has_a_row_a_frame():
    file = io.StringIO()
    summary = Summary(file, ("road", "traffic light"))
    summary.add(PurePath("sub/a,b"), 0.98765, np.array([0.25, 1 / 3]))
    summary.add(PurePath("two\nlines"), 1.0, np.array([0.0, 1.0]))
    assert list(csv.reader(file.getvalue().splitlines())) == [
        ["frame", "confidence", "road", "traffic light"],
        ["sub/a,b", "0.9877", "0.250000", "0.333333"],
        ["two\\nlines", "1.0000", "0.000000", "1.000000"],
    ]
    assert summary.count == 2
