"""What is told of all frames together."""

import numpy as np
import pytest

from roadseg.data.copying import Copied
from roadseg.data.fingerprints import Fingerprint, fingerprint
from roadseg.data.whole_set import check_whole_set
from roadseg.pipeline.errors import UserError
from roadseg.scenes.scene import render_scene

PRINTS = [fingerprint(render_scene(2, index, 64, 128)[0]) for index in range(4)]


def frame(part, number, known_by, values=(0, 1, 2, 255)):
    return Copied(part, f"mine/{part}/image/{number}.png", frozenset(values), known_by)


def changed(known_by, bits):
    look = known_by.look.copy()
    look[0] ^= np.uint64(2**bits - 1)
    return Fingerprint(b"other pixels", look)


def test_nothing_is_told_of_different_frames():
    frames = [frame("training", 0, PRINTS[0]), frame("training", 1, PRINTS[1]), frame("testing", 2, PRINTS[2])]
    assert check_whole_set(frames, "mine", allow_leak=False) == []


def test_the_same_frame_twice_in_one_part_is_no_leak():
    frames = [frame("training", 0, PRINTS[0]), frame("training", 1, PRINTS[0]), frame("testing", 2, PRINTS[2])]
    assert check_whole_set(frames, "mine", allow_leak=False) == []


def test_leaks_are_refused_a_line_each():
    frames = [frame(part, number, PRINTS[number]) for part in ("training", "testing") for number in range(3)]
    with pytest.raises(UserError) as caught:
        check_whole_set(frames, "mine", allow_leak=False)
    lines = str(caught.value).split("\n")
    assert len(lines) == 3
    assert lines[1].startswith(
        "mine/testing/image/1.png is the same picture as mine/training/image/1.png; a frame that"
    )


def test_leaks_may_be_allowed():
    frames = [frame(part, number, PRINTS[number]) for part in ("training", "testing") for number in range(4)]
    pairs = [f"mine/testing/image/{number}.png and mine/training/image/{number}.png" for number in range(3)]
    told = f"4 frames for testing are trained on as well: {', '.join(pairs)}, ..."
    assert check_whole_set(frames, "mine", allow_leak=True) == [told]


@pytest.mark.parametrize(("bits", "near"), [(1, True), (24, True), (25, False), (64, False)])
def test_near_frames_are_told(bits, near):
    frames = [frame("training", 0, PRINTS[0]), frame("testing", 1, changed(PRINTS[0], bits))]
    names = "mine/testing/image/1.png and mine/training/image/0.png"
    told = f"1 frame for testing is nearly the same as one for training: {names}"
    assert check_whole_set(frames, "mine", allow_leak=False) == [told] * near


def test_masks_of_all_training_labels_are_refused():
    masks = [frame("training", 0, PRINTS[0], (0, 255)), frame("training", 1, PRINTS[1], (0,))]
    with pytest.raises(UserError, match="mine/training: all labels hold 0 and 255 alone"):
        check_whole_set(masks, "mine", allow_leak=True)
    check_whole_set([*masks, frame("training", 2, PRINTS[2], (0, 8, 255))], "mine", allow_leak=True)


def test_labels_of_two_values_are_told_what_they_mean():
    told = "all training labels hold 0 and 1 alone: to this project 0 is road and 1 is sidewalk"
    assert check_whole_set([frame("training", 0, PRINTS[0], (0, 1))], "mine", allow_leak=False) == [told]
    assert check_whole_set([frame("training", 0, PRINTS[0], (0, 1, 255))], "mine", allow_leak=False) == []
