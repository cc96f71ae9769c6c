"""What is pasted comes with its label, from its own picture, and leaves the rest as it was."""

import numpy as np
import pytest
from frames_in_memory import blocks, crops_of

from roadseg.frames.classes import NAMES
from roadseg.frames.paste import paste_classes, things_of


def names_pasted(thing):
    """Which classes of a row of all 19 are pasted over an ignored one."""
    image, label = np.zeros((1, 20, 3), np.uint8), np.full((1, 20), 255, np.uint8)
    other_label = np.append(np.arange(19), 255).astype(np.uint8)[None]
    other_image = np.repeat(other_label[..., None] + 1, 3, axis=2)
    paste_classes(image, label, other_image, other_label, things_of(NAMES)[NAMES.index(thing)])
    pasted = label[0] != 255
    assert np.array_equal(label[0, pasted], other_label[0, pasted])
    assert np.array_equal(image, other_image * pasted[None, :, None])
    return {NAMES[value] for value in label[0, pasted]}


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ("person", {"person"}),
        ("train", {"train"}),
        ("rider", {"rider", "motorcycle", "bicycle"}),
        ("motorcycle", {"motorcycle", "rider"}),
        ("bicycle", {"bicycle", "rider"}),
    ],
)
def test_riders_and_two_wheelers_come_together(thing, expected):
    assert names_pasted(thing) == expected


def test_the_things_are_those_of_cityscapes_but_for_the_car():
    assert tuple(things_of(NAMES)) == (11, 12, 14, 15, 16, 17, 18)


def person_before_sky():
    """A frame of class 10, red 120, with a person of 40x20 pixels, red 132, each of another green."""
    image, label = np.zeros((100, 200, 3), np.uint8), np.full((100, 200), 10, np.uint8)
    label[30:70, 90:110] = 11
    image[..., 0] = 12 * label
    image[..., 1] = np.where(label == 11, 200, 100)
    return image, label


def crops(**changes):
    """Crops of frames without things, and of one with a person, in the frames' own resolution."""
    frames = [blocks(100, 200, seed=0, classes=(0, 2, 8)), person_before_sky()]
    return crops_of(*frames, height=96, width=192, scale_min=0.75, scale_max=1.75, **changes)


def test_a_pasted_person_lies_over_a_crop_that_is_otherwise_the_same():
    alone, pasted = crops(paste=0.0), crops(paste=1.0)
    changed = []
    for seed in range(60):
        (before, label_before), (image, label) = (source.sample(0, str(seed)) for source in (alone, pasted))
        person = label == 11
        assert np.array_equal(image[~person], before[~person])
        assert np.array_equal(label[~person], label_before[~person])
        assert set(np.unique(label)) <= {0, 2, 8, 11, 255}  # the sky around the person stays behind
        assert (image[person][:, 0] >= 120).all()
        assert (image[person][:, 1] >= 100).all()
        changed.append(person.any())
    assert all(changed)


def test_things_are_pasted_as_often_as_asked_for():
    source = crops(paste=0.3)
    pasted = [(source.sample(0, str(seed))[1] == 11).any() for seed in range(400)]
    assert np.mean(pasted) == pytest.approx(0.3, abs=0.07)


def test_without_things_nothing_is_pasted():
    frame = blocks(100, 200, seed=0, classes=(0, 2, 8))
    plain, pasting = (crops_of(frame, height=96, width=192, paste=share) for share in (0.0, 1.0))
    for seed in range(5):
        for a, b in zip(plain.sample(0, str(seed)), pasting.sample(0, str(seed)), strict=True):
            assert np.array_equal(a, b)
