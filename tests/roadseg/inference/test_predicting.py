"""Frames of any sizes through an engine, their overlays, and jobs whose results come in order, a few at a time."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import PurePath

import cv2
import numpy as np
import pytest
import torch

from roadseg.frames.classes import ClassSet
from roadseg.inference.predicting import confidence, predict_frames, shares_of
from roadseg.inference.reading import Frame, Unreadable, in_order
from roadseg.inference.writing import overlay, picture_paths, pictures_in


def bright(sizes):
    """An engine of two classes by the brightness of the red, that notes the batches that it gets."""

    def engine(images):
        sizes.append(len(images))
        red = torch.from_numpy(images)[..., 0].float() - 128
        return torch.stack([-red, red], dim=1)

    return engine


def frame(name, height, width):
    small = np.zeros((4, 8, 3), np.uint8)
    small[:, 4:] = 255
    return Frame(PurePath(name), np.zeros((height, width, 3), np.uint8), small)


def test_each_frame_comes_back_in_its_order_and_size_and_unreadable_ones_fill_no_batch():
    sizes = {"a": (1, 1), "b": (300, 20), "c": (8, 16), "d": (5, 7)}
    a, b, c, d = (frame(name, *size) for name, size in sizes.items())
    batches = []
    results = list(predict_frames(bright(batches), [a, Unreadable("x"), b, c, Unreadable("y"), d], 3, "bilinear"))
    assert batches == [3, 1]
    assert [r.reason for r in results if isinstance(r, Unreadable)] == ["x", "y"]
    predicted = [r for r in results if not isinstance(r, Unreadable)]
    assert {str(r.frame.name): r.classes.shape for r in predicted} == sizes
    assert predicted[2].classes[0].tolist() == [0] * 8 + [1] * 8
    assert all(r.classes.dtype == np.uint8 for r in predicted)


@pytest.mark.parametrize("size", [(1, 1), (4, 6)])
def test_confidence_is_the_mean_of_the_largest_probability(size):
    logits = torch.zeros(3, *size)
    logits[1] = torch.log(torch.tensor(2.0))  # probabilities 1/4, 2/4, 1/4
    assert confidence(logits) == pytest.approx(0.5)


def test_shares_are_counts_over_the_frame():
    classes = np.array([[0, 0, 3], [3, 3, 255]], np.uint8)
    assert shares_of(classes, 4).tolist() == pytest.approx([2 / 6, 0, 0, 3 / 6])


IMAGE = np.full((2, 3, 3), (100, 0, 200), np.uint8)
COLORS = np.full((2, 3, 3), (0, 200, 100), np.uint8)


@pytest.mark.parametrize(("strength", "mixed"), [(0, (100, 0, 200)), (0.25, (75, 50, 175)), (1, (0, 200, 100))])
def test_an_overlay_mixes_by_its_strength(strength, mixed):
    assert np.array_equal(overlay(IMAGE, COLORS, strength), np.full((2, 3, 3), mixed, np.uint8))


def test_three_pictures_are_written_of_a_frame(tmp_path):
    classes = np.ones((2, 3), np.uint8)
    output = pictures_in(tmp_path, ClassSet(("land", "sea"), ((9, 9, 9), (0, 200, 100))), 0.5)
    output.write(Frame(PurePath("sub/a.b"), IMAGE, IMAGE), classes)
    grey, color, overlaid = picture_paths(tmp_path, PurePath("sub/a.b"))
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {grey, color, overlaid}
    assert np.array_equal(cv2.imread(str(grey), cv2.IMREAD_UNCHANGED), classes)
    assert np.array_equal(cv2.imread(str(color), cv2.IMREAD_COLOR_RGB), COLORS)
    assert np.abs(cv2.imread(str(overlaid), cv2.IMREAD_COLOR_RGB).astype(int) - (50, 100, 150)).max() <= 3


def late(seconds, value):
    time.sleep(seconds)
    return value


def test_results_come_in_the_order_of_their_jobs():
    with ThreadPoolExecutor(4) as pool:
        jobs = [partial(late, 0.02 * (i % 3 == 0), i) for i in range(12)]
        assert list(in_order(pool, jobs, 5)) == list(range(12))


@pytest.mark.parametrize("most", [1, 4])
def test_no_more_jobs_are_begun_than_may_be(most):
    begun, waiting = [], 0
    jobs = (partial(begun.append, i) for i in range(50))
    with ThreadPoolExecutor(2) as pool:
        for taken, _ in enumerate(in_order(pool, jobs, most)):
            waiting = max(waiting, len(begun) - taken)
    assert len(begun) == 50
    assert waiting <= most


def test_a_failure_is_raised_in_its_turn():
    with ThreadPoolExecutor(1) as pool:
        results = in_order(pool, [partial(int, "1"), partial(int, "x"), partial(int, "3")], 2)
        assert next(results) == 1
        with pytest.raises(ValueError, match="'x'"):
            next(results)
