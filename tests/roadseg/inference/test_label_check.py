"""Wrong labels come before the mistakes that a network makes anyway; regions, their figures and tables by hand."""

import math
import os
from pathlib import PurePath

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from wrong_labels import plant

from roadseg.frames.classes import NAMES
from roadseg.frames.counting import joint_histogram
from roadseg.frames.store import Frames
from roadseg.inference.label_check import (
    Checked,
    Region,
    Seen,
    find_regions,
    frame_rows,
    habit,
    rank,
    region_rows,
    seen_by,
    seen_in,
    suspicion,
    write_rows,
)
from roadseg.networks.prediction import torch_engine
from roadseg.report.views import read_rows
from roadseg.scenes.scene import render_scene

# --- what the network sees


def test_the_probabilities_of_the_best_class_and_of_the_label_are_those_of_a_softmax():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    labels = rng.choice(np.array([0, 1, 2, 255], np.uint8), (2, 4, 5))
    exps = np.exp(logits.astype(np.float64))
    expected = exps / exps.sum(axis=1, keepdims=True)
    for n, seen in enumerate(seen_by(torch.from_numpy(logits), labels)):
        assert seen.best.dtype == np.uint8
        assert np.array_equal(seen.best, expected[n].argmax(axis=0))
        assert np.allclose(seen.of_best, expected[n].max(axis=0), rtol=1e-5)
        of_label = np.take_along_axis(expected[n], np.minimum(labels[n], 2)[None].astype(int), axis=0)[0]
        labelled = labels[n] != 255
        assert np.allclose(seen.of_label[labelled], of_label[labelled], rtol=1e-5)


def test_logits_smaller_than_the_input_are_compared_at_the_inputs_size():
    images = np.zeros((1, 1, 4, 3), np.uint8)
    images[:, :, :2] = 255
    network = nn.Sequential(nn.AvgPool2d((1, 2)), nn.Conv2d(3, 2, 1, bias=False))  # logits of one row and two columns
    network[1].weight.data = torch.tensor([[1.0, 0, 0], [-1, 0, 0]])[..., None, None]
    frames = Frames(images, np.zeros((1, 1, 4), np.uint8), sizes=[(1, 4)])
    (seen,) = seen_in(frames, torch_engine(network, (1, 4), torch.device("cpu")), 2)
    bright, dark = (1 - 0.485) / 0.229, -0.485 / 0.229  # ImageNet's mean and spread of red
    ramp = np.array([bright, 0.75 * bright + 0.25 * dark, 0.25 * bright + 0.75 * dark, dark])
    assert seen.best.tolist() == [[0, 0, 1, 1]]
    assert seen.of_label[0] == pytest.approx(1 / (1 + np.exp(-2 * ramp)), rel=1e-4)


# --- regions


def found_in(best, label, of_best=0.95, of_label=0.01):
    """The regions of a network that is as sure of `best` everywhere, and gives all other labels as little."""
    full = np.ones(best.shape, np.float32)
    seen = Seen(best, full * of_best, np.where(best == label, of_best, of_label).astype(np.float32))
    return find_regions(seen, label, 0.1)


GROUND = np.zeros((30, 40), np.uint8)


@pytest.fixture
def object_of_class_1():
    """A network that sees a square of 10x12 pixels of class 1 on class 0."""
    best = np.zeros((30, 40), np.uint8)
    best[5:15, 20:32] = 1
    return best


def test_an_object_that_is_labelled_as_its_ground_is_one_region(object_of_class_1):
    (region,) = found_in(object_of_class_1, GROUND)
    assert (region.label, region.predicted, region.box, region.pixels) == (0, 1, (20, 5, 32, 15), 120)
    assert region.confidence == pytest.approx(0.95)
    assert region.surprise == pytest.approx(-math.log(0.01), rel=1e-5)
    assert region.coverage == 1
    (region,) = found_in(object_of_class_1, GROUND, of_label=0)
    assert region.surprise == pytest.approx(math.log(1e6)), "a probability of nought is no infinity"


def test_coverage_is_the_share_of_the_object_that_is_seen(object_of_class_1):
    label = object_of_class_1.copy()
    label[5:9] = 0  # 4 of its 10 rows
    (region,) = found_in(object_of_class_1, label)
    assert (region.box, region.pixels) == ((20, 5, 32, 9), 48)
    assert region.coverage == pytest.approx(0.4)


def test_an_object_that_the_network_takes_for_two_classes_is_one_region(object_of_class_1):
    best = object_of_class_1.copy()
    best[5:15, 28:32] = 2
    best[20:28, 20:32] = 1  # another one of class 1, rightly labelled
    label = np.where(np.arange(30)[:, None] >= 20, best, 0).astype(np.uint8)
    (region,) = found_in(best, label)
    assert (region.box, region.pixels, region.predicted) == ((20, 5, 32, 15), 120, 1)
    assert region.seen_as == {1: 80, 2: 40}
    assert region.coverage == 1, "of the part of class 1 that it touches"


def test_nothing_is_found_where_the_label_is_probable_or_right_or_there_is_none(object_of_class_1):
    assert found_in(object_of_class_1, GROUND, 0.85, 0.1) == []
    assert found_in(object_of_class_1, object_of_class_1) == []
    assert found_in(object_of_class_1, np.full_like(GROUND, 255)) == []


def test_small_ones_are_left_out_and_two_labels_are_two_regions(object_of_class_1):
    label = np.zeros((30, 40), np.uint8)
    label[:, 26:] = 2
    small = object_of_class_1.copy()
    small[20:25, 20:26] = 3  # 30 pixels
    found = found_in(small, np.where(small == 0, 0, label).astype(np.uint8))
    assert [(region.label, region.predicted, region.pixels) for region in found] == [(0, 1, 60), (2, 1, 60)]
    assert [region.coverage for region in found] == [0.5, 0.5]


# --- which are the most suspicious


def region(**changes):
    plain = {"label": 0, "seen_as": {1: 400}, "box": (0, 0, 9, 9), "confidence": 0.99}
    return Region(**{**plain, "surprise": 4.0, "coverage": 0.25} | changes)


@pytest.mark.parametrize(
    ("more", "factor"), [({"surprise": 8.0}, 4), ({"coverage": 1.0}, 2), ({"seen_as": {1: 1600}}, 2)], ids=str
)
def test_suspicion_grows_with_surprise_coverage_and_pixels(more, factor):
    assert suspicion(region(**more), 0.1) == pytest.approx(factor * suspicion(region(), 0.1))


def test_what_the_network_often_takes_for_another_class_is_less_suspicious():
    joint = np.array([[90, 10, 0], [0, 0, 0], [1, 1, 2]])
    frame = Checked("train", PurePath("a.png"), (30, 40), joint, [region(label=0), region(label=2), region(label=1)])
    ranked = rank([frame])
    assert [found.label for _, _, found in ranked] == [1, 0, 2]
    assert [score for score, _, _ in ranked] == pytest.approx([suspicion(region(), h) for h in (0, 0.1, 0.25)])
    assert habit(region(seen_as={1: 300, 2: 100}), np.array([0.9, 0.1, 0])) == pytest.approx(0.075)


FRAMES, HEIGHT, WIDTH = 24, 96, 320
# what the network takes for what, in every other frame: all of the first class for the second
HABITS = [(NAMES.index(true), NAMES.index(other)) for true, other in (
    ("wall", "building"), ("fence", "vegetation"), ("rider", "person"), ("terrain", "vegetation"), ("pole", "building")
)]  # fmt: skip


def logits_of(label, rng):
    """Logits (1, 19, H, W) of a network that is right but at borders, except for habits of its own."""
    seen = label.copy()
    for true, other in HABITS:
        if rng.random() < 0.5:
            seen[seen == true] = other
    noise = rng.normal(0, 1, (19, *label.shape)).astype(np.float32)
    blurred = [cv2.GaussianBlur((seen == k).astype(np.float32), (0, 0), 2) for k in range(19)]
    return torch.from_numpy(9 * np.stack(blurred) + 0.7 * noise)[None]


def test_ten_wrong_labels_are_among_the_first_twenty_places():
    rng = np.random.default_rng(0)
    labels = [render_scene(3, index, HEIGHT, WIDTH)[1] for index in range(FRAMES)]
    logits = [logits_of(label, rng) for label in labels]
    planted = plant(labels, seed=1)
    assert len(planted) == 10
    checked = []
    for label, own in zip(labels, logits, strict=True):
        (seen,) = seen_by(own, label[None])
        joint = joint_histogram(seen.best, label)[:19, :19]
        checked.append(Checked("train", PurePath(), label.shape, joint, find_regions(seen, label, 0.2)))
    ranked = rank(checked)
    assert len(ranked) > 50, "the network has mistakes of its own"
    first = [(frame, found) for _, frame, found in ranked[:20]]
    named = {one.frame for one in planted if any(is_at(found, one) for frame, found in first if frame == one.frame)}
    assert len(named) == 10


def is_at(found, one):
    left, top, right, bottom = found.box
    inside = one.where[top:bottom, left:right]
    return found.label == one.label and inside.mean() > 0.4


# --- the tables


ODD = PurePath("training/image", os.fsdecode(b'a",\n\xdf\r.png'))
FOUND = [
    Region(0, {2: 40}, (3, 5, 10, 11), 0.98765, 8.0, 1.0),
    Region(2, {1: 100}, (0, 0, 20, 10), 0.9, 8.0, 1.0),
    Region(0, {1: 60}, (0, 0, 8, 8), 0.9, 8.0, 1.0),
]
CHECKED = [
    Checked("train", PurePath("training/image/a.png"), (100, 400), np.array([[1000]]), [FOUND[1]]),
    Checked("val", ODD, (40, 80), np.array([[200]]), [FOUND[0], FOUND[2]]),
]
RANKED = [(900.4, 1, FOUND[0]), (500.0, 0, FOUND[1]), (100.0, 1, FOUND[2])]


@pytest.fixture
def regions():
    return region_rows(CHECKED, RANKED, (20, 80), ("nan", "road", "car"), {1: PurePath("classes/00002.png")})


def test_boxes_are_in_the_pixels_of_each_file(regions):
    first, second, _ = regions
    assert [first[side] for side in ("left", "top", "right", "bottom")] == [3, 10, 10, 22]  # twice as high, as wide
    assert [second[side] for side in ("left", "top", "right", "bottom")] == [0, 0, 100, 50]  # five times both
    assert (first["label"], first["predicted"], first["classes"], second["classes"]) == ("nan", "car", "00002.png", "")
    assert first["share"] == pytest.approx(40 / 1600)


def test_frames_are_ordered_by_the_sum_of_their_suspicion():
    worst, second = frame_rows(CHECKED, RANKED)
    assert worst == {"split": "val", "image": str(ODD), "regions": 2, "share": 0.5, "suspicion": 1000}
    assert second == {"split": "train", "image": "training/image/a.png", "regions": 1, "share": 0.1, "suspicion": 500}


def test_what_is_written_is_read_again(regions, tmp_path):
    write_rows(regions, tmp_path / "a.csv")
    assert read_rows(tmp_path / "a.csv") == regions
    write_rows([], tmp_path / "b.csv")
    assert read_rows(tmp_path / "b.csv") == []
