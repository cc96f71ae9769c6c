"""What is said of a data set agrees with counting by hand."""

import numpy as np
import pytest

from roadseg.data.contents import Content
from roadseg.data.facts import class_rows, size_rows, split_rows, twins
from roadseg.data.fingerprints import fingerprint
from roadseg.scenes.scene import render_scene

IMAGES = [render_scene(1, index, 64, 128)[0] for index in range(3)]


def content(pixels, image=0, size=(2, 5)):
    """A frame of 10 pixels, of which the given ones have a class."""
    counts = np.zeros(256, np.int64)
    counts[list(pixels)] = list(pixels.values())
    counts[255] = 10 - counts.sum()
    picture = image if isinstance(image, np.ndarray) else IMAGES[image]
    return Content(size, counts, fingerprint(picture))


@pytest.fixture
def splits():
    lighter = np.clip(IMAGES[0].astype(int) + 6, 0, 255).astype(np.uint8)
    return {
        "train": (["a", "b"], [content({0: 10}, 0), content({0: 2, 1: 4}, 1, (4, 4))]),
        "test": (["c", "d", "e"], [content({1: 5}, lighter), content({1: 5}, 1), content({0: 1, 2: 4}, 2)]),
    }


def test_shares_are_of_each_splits_labelled_pixels(splits):
    road, car, sky, bus = class_rows(splits, ["road", "car", "sky", "bus"])
    assert road == {"class": "road", "shares": pytest.approx([12 / 16, 1 / 15]), "frames": [2, 1]}
    assert car == {"class": "car", "shares": pytest.approx([4 / 16, 10 / 15]), "frames": [1, 2]}
    assert (sky["frames"], bus["frames"], bus["shares"]) == ([0, 1], [0, 0], [0, 0])


def test_splits_say_their_frames_and_how_much_is_labelled(splits):
    train, test = split_rows(splits, 4)
    assert train == {"split": "train", "frames": 2, "labelled": pytest.approx(16 / 20)}
    assert test == {"split": "test", "frames": 3, "labelled": pytest.approx(15 / 30)}


def test_sizes_are_counted_over_all(splits):
    assert size_rows(splits) == [{"size": "2x5", "frames": 4}, {"size": "4x4", "frames": 1}]


def test_frames_that_are_there_twice_are_named(splits):
    assert twins(splits) == [
        {"tested": "d", "other": "b", "alike": "the same"},
        {"tested": "c", "other": "a", "alike": "nearly the same"},
    ]
    assert twins({"test": splits["test"]}) == []


def test_a_held_out_frame_may_look_like_a_test_frame_and_not_like_one_that_is_trained_on(splits):
    splits["val"] = (["f", "g"], [content({0: 1}, 0), content({0: 1}, 2)])
    assert twins(splits) == [
        {"tested": "d", "other": "b", "alike": "the same"},
        {"tested": "e", "other": "g", "alike": "the same"},
        {"tested": "c", "other": "a", "alike": "nearly the same"},
        {"tested": "f", "other": "a", "alike": "the same"},
    ]
