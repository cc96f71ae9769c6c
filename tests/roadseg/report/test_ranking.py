"""Wrong labels come before the mistakes that a network makes anyway."""

import cv2
import numpy as np
import pytest
import torch
from wrong_labels import plant

from roadseg.frames.classes import NAMES
from roadseg.frames.counting import joint_histogram
from roadseg.report.beliefs import beliefs
from roadseg.report.ranking import habits, most_suspicious, suspicion
from roadseg.report.regions import Region, find_regions
from roadseg.scenes.scene import render_scene

FRAMES, HEIGHT, WIDTH = 24, 96, 320
# what the network takes for what, in every other frame: all of the first class for the second
HABITS = [(NAMES.index(true), NAMES.index(other)) for true, other in (
    ("wall", "building"), ("fence", "vegetation"), ("rider", "person"), ("terrain", "vegetation"), ("pole", "building")
)]  # fmt: skip


def region(**changes):
    plain = {"label": 0, "seen_as": {1: 400}, "box": (0, 0, 9, 9), "confidence": 0.99}
    return Region(**{**plain, "surprise": 4.0, "coverage": 0.25} | changes)


@pytest.mark.parametrize(
    ("more", "factor"), [({"surprise": 8.0}, 4), ({"coverage": 1.0}, 2), ({"seen_as": {1: 1600}}, 2)], ids=str
)
def test_suspicion_grows_with_surprise_coverage_and_pixels(more, factor):
    assert suspicion(region(**more), 0.1) == pytest.approx(factor * suspicion(region(), 0.1))


def test_habits_are_shares_of_each_label_and_lower_the_suspicion():
    shares = habits(np.array([[90, 10, 0], [0, 0, 0], [1, 1, 2]]))
    assert shares.tolist() == [[0.9, 0.1, 0], [0, 0, 0], [0.25, 0.25, 0.5]]
    ranked = most_suspicious([region(label=0), region(label=2), region(label=1)], shares)
    assert [place for place, _ in ranked] == [2, 0, 1]
    both = most_suspicious([region(seen_as={1: 300, 2: 100})], shares)
    assert both[0][1] == pytest.approx(suspicion(region(), 0.075)), "the mean over its pixels"


def network(label, rng):
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
    logits = [network(label, rng) for label in labels]
    planted = plant(labels, seed=1)
    assert len(planted) == 10
    places, joint = [], np.zeros((19, 19), np.int64)
    for frame, (label, own) in enumerate(zip(labels, logits, strict=True)):
        (seen,) = beliefs(own, label[None])
        joint += joint_histogram(seen.best, label)[:19, :19]
        places += [(frame, found) for found in find_regions(seen, label, 0.2)]
    assert len(places) > 50, "the network has mistakes of its own"
    ranked = [places[i] for i, _ in most_suspicious([found for _, found in places], habits(joint))][:20]
    named = {one.frame for one in planted if any(is_at(found, one) for frame, found in ranked if frame == one.frame)}
    assert len(named) == 10


def is_at(found, one):
    left, top, right, bottom = found.box
    inside = one.where[top:bottom, left:right]
    return found.label == one.label and inside.mean() > 0.4
