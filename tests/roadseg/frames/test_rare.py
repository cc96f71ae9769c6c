"""Rare classes are drawn as the formula says, with a frame that shows them, and the crop shows them too."""

import math
from collections import Counter

import numpy as np
import pytest
from frames_in_memory import blocks, crops_of

from roadseg.frames.rare import RareClasses, class_probabilities


def test_the_formula_by_hand():
    """Shares of 0.5, 0.3 and 0.2 at T = 0.1: e^5 : e^7 : e^8; the third class doesn't occur."""
    probabilities = class_probabilities(np.array([500, 300, 0, 200]), temperature=0.1)
    weights = [math.e**5, math.e**7, 0, math.e**8]
    assert probabilities == pytest.approx([weight / sum(weights) for weight in weights])


def test_a_low_temperature_takes_the_rarest_class_and_a_high_one_all_alike():
    assert class_probabilities(np.array([60, 0, 30, 10]), 0.001) == pytest.approx([0, 0, 0, 1])
    assert class_probabilities(np.array([60, 0]), 0.001) == pytest.approx([1, 0])
    assert class_probabilities(np.array([60, 0, 30, 10]), 1e6) == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=1e-6)


def test_classes_and_frames_are_drawn_as_often_as_they_should_be():
    """Frame 2 alone shows class 1, for 19 pixels are too few; class 2 is nowhere shown by 20 pixels."""
    counts = np.array([[700, 19, 0], [0, 0, 19], [100, 100, 0]])
    rare, random = RareClasses(counts, temperature=1.0), np.random.default_rng(0)
    share = 119 / (800 + 119)
    weights = math.exp(share), math.exp(1 - share)
    assert rare.probabilities == pytest.approx([weights[0] / sum(weights), weights[1] / sum(weights), 0])
    drawn = Counter(rare.draw(random) for _ in range(4000))
    assert set(drawn) == {(0, 0), (0, 2), (1, 2)}
    assert drawn[1, 2] / 4000 == pytest.approx(rare.probabilities[1], abs=0.03)
    assert drawn[0, 0] / 4000 == pytest.approx(rare.probabilities[0] / 2, abs=0.03)


def test_nothing_is_drawn_where_no_class_is_shown():
    random = np.random.default_rng(0)
    assert RareClasses(np.zeros((2, 4), np.int64), 0.1).draw(random) is None


def small_thing(top, left):
    """A frame of class 0 with a patch of 6x8 pixels of class 11."""
    image, label = np.zeros((200, 600, 3), np.uint8), np.zeros((200, 600), np.uint8)
    label[top : top + 6, left : left + 8] = 11
    image[label == 11] = 132, 0, 0
    return image, label


def test_a_rare_class_that_is_asked_for_is_in_the_crop():
    frames = [blocks(150, 333, seed=0), small_thing(0, 592), blocks(97, 201, seed=1), small_thing(150, 20)]
    settings = {"height": 96, "width": 288, "scale_min": 0.75, "scale_max": 1.75, "rare_class_temperature": 0.001}
    shown = {}
    for share in (0.0, 0.5, 1.0):
        crops = crops_of(*frames, rare_class=share, **settings)
        samples = [crops.sample(0, str(seed)) for seed in range(200)]
        shown[share] = np.mean([(label == 11).any() for _, label in samples])
        assert all(abs(int(image[label == 11, 0].max()) - 132) < 20 for image, label in samples if (label == 11).any())
    assert shown == {0.0: 0, 0.5: pytest.approx(0.5, abs=0.1), 1.0: 1}


def test_the_place_of_a_rare_class_in_the_crop_varies():
    crops = crops_of(small_thing(100, 300), height=96, width=288, rare_class=1.0, rare_class_temperature=0.001)
    places = [np.argwhere(crops.sample(0, str(seed))[1] == 11).mean(axis=0) for seed in range(200)]
    assert (np.std(places, axis=0) > 8).all()
