"""Regions are connected pixels of one label that is improbable to the network."""

import math

import numpy as np
import pytest

from roadseg.report.regions import Beliefs, find_regions


def found_in(best, label, of_best=0.95, of_label=0.01):
    """The regions of a network that is as sure of `best` everywhere, and believes all other labels as little."""
    full = np.ones(best.shape, np.float32)
    seen = Beliefs(best, full * of_best, np.where(best == label, of_best, of_label).astype(np.float32))
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


def test_a_probability_of_nought_is_no_infinity(object_of_class_1):
    (region,) = found_in(object_of_class_1, GROUND, of_label=0)
    assert region.surprise == pytest.approx(math.log(1e6))
