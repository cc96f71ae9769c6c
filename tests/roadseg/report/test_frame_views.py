"""What a page says of a frame follows from its score."""

import numpy as np

from roadseg.frames.classes import ClassSet
from roadseg.report.frame_views import frames_sentence, in_words, legend, longest_side
from roadseg.scoring.frame_scores import FrameScore

NAMES = ("road", "car", "pole", "sky")


def scored(miou, truth, missed):
    return FrameScore(miou, np.array(truth), np.array(missed))


def test_the_classes_of_which_most_pixels_are_missed_are_named():
    words = in_words(scored(0.4123, [1000, 100, 50, 10], [100, 60, 50, 0]), NAMES)
    assert words == "mIoU 41.2 %; missed most: road 10 %, car 60 %, pole 100 %"
    assert in_words(scored(1.0, [1, 0, 0, 0], [0] * 4), NAMES) == "mIoU 100.0 %"
    assert in_words(scored(float("nan"), [0] * 4, [0] * 4), NAMES) == "no pixel has a class"


def test_more_frames_are_smaller_so_that_a_page_is_no_larger():
    pixels = [frames * longest_side(frames) ** 2 for frames in (64, 256, 1000)]
    assert max(pixels) / min(pixels) < 1.01
    assert longest_side(1) == longest_side(50) == 1280


def test_the_sentence_counts():
    assert frames_sentence(1, 1).startswith("The only test frame; its mIoU is over")
    assert frames_sentence(2, 2).startswith("All 2 test frames, lowest")
    assert frames_sentence(3, 9).startswith("The worst 3 of 9 test frames, lowest")


def test_colours_are_as_a_page_names_them():
    assert legend(ClassSet(("a", "b"), ((0, 15, 255), (1, 2, 3)))) == [("#000fff", "a"), ("#010203", "b")]
