"""Metrics of a set and of single frames against maps counted by hand and the rule of torchmetrics."""

import math

import numpy as np
import pytest
from conftest import write_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from roadseg.frames.counting import joint_histogram
from roadseg.pipeline.errors import UserError
from roadseg.scoring.metrics import FrameScore, score, score_frame, score_frames, worst_first

TRUTH = np.array([[0, 0, 1, 1], [2, 2, 255, 255]], np.uint8)
PRED = np.array([[0, 1, 1, 1], [2, 0, 3, 1]], np.uint8)


def score_of(pred, truth, num_classes, **options):
    """The metrics of one row of pixels."""
    return score(joint_histogram(*(np.array([row], np.uint8) for row in (pred, truth))), num_classes, **options)


def test_hand_counted_scores():
    result = score_of([0, 0, 0, 1, 1, 2, 0, 9], [0, 0, 0, 0, 1, 1, 255, 255], 4)
    # class 0: 3 of 4; class 1: 1 of 3 (one taken from 0, one lost to 2); class 2: 0 of 1; class 3 nowhere
    assert result.iou == pytest.approx([3 / 4, 1 / 3, 0, 0])
    assert result.miou == pytest.approx((3 / 4 + 1 / 3) / 4)
    assert result.miou_present == pytest.approx((3 / 4 + 1 / 3 + 0) / 3)  # class 3 alone is left out
    assert result.pixel_accuracy == pytest.approx(4 / 6)
    assert result.fw_iou == pytest.approx((4 * 3 / 4 + 2 * 1 / 3) / 6)
    assert result.confusion.tolist() == [[3, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_a_class_that_is_ignored_counts_in_no_figure():
    result = score_of([0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1, 2], 3, ignore_index=1)
    assert result.iou[[0, 2]] == pytest.approx([3 / 4, 1])
    assert result.pixel_accuracy == pytest.approx(4 / 5)
    assert result.fw_iou == pytest.approx((4 * 3 / 4 + 1) / 5)
    assert result.confusion.tolist() == [[3, 1, 0], [0, 0, 0], [0, 0, 1]]


def macro_jaccard(pred, truth, k):
    """The rule of torchmetrics' `JaccardIndex(task="multiclass", average="macro", ignore_index=255)`, restated.

    Pixels whose truth is 255 are dropped; each class's score is tp / (tp + fp + fn); the mean is over the classes for
    which that sum isn't 0, so those in the truth or in the prediction.
    """
    pred, truth = pred[truth != 255], truth[truth != 255]
    scores = []
    for c in range(k):
        tp, fp, fn = (
            int((a & b).sum()) for a, b in ((pred == c, truth == c), (pred == c, truth != c), (pred != c, truth == c))
        )
        if tp + fp + fn:
            scores.append(tp / (tp + fp + fn))
    return np.mean(scores)


@given(
    arrays.arrays(np.uint8, (5, 7), elements=st.sampled_from([0, 1, 2, 3, 5])),
    arrays.arrays(np.uint8, (5, 7), elements=st.sampled_from([0, 1, 3, 4, 255])).filter(lambda t: (t != 255).any()),
)
@settings(deadline=None)
def test_the_mean_over_classes_that_occur_is_the_macro_jaccard_index(pred, truth):
    result = score(joint_histogram(pred, truth), num_classes=7)
    assert result.miou_present == pytest.approx(macro_jaccard(pred, truth, 7), abs=1e-9)


def test_what_is_no_class_misses_and_what_is_ignored_does_not_occur():
    missed = score_of([0, 0, 0, 77], [0, 0, 0, 0], 2)
    assert (missed.pixel_accuracy, missed.fw_iou) == (0.75, pytest.approx(0.75))
    assert score_of([0, 0, 1, 2], [0, 0, 1, 255], 3).miou_present == pytest.approx(1)


def test_truth_without_a_class_is_reported():
    with pytest.raises(UserError, match=r"^no pixel of the truth has a class; nothing can be scored$"):
        score_of([255, 1], [255, 255], 19)


def test_a_frame_is_scored_over_the_classes_that_it_shows():
    found = score_frame(PRED, TRUTH, 5)
    # of class 0 one of three pixels that are either, of 1 two of three, of 2 one of two; 3 and 4 don't occur
    assert found.miou == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert found.truth.tolist() == [2, 2, 2, 0, 0]
    assert found.missed.tolist() == [1, 0, 1, 0, 0]
    of_no_class = score_frame(np.full((1, 3), 255, np.uint8), np.zeros((1, 3), np.uint8), 2)
    assert (of_no_class.miou, of_no_class.missed.tolist()) == (pytest.approx(0), [3, 0])


def test_a_frame_without_truth_comes_last():
    nothing = score_frame(PRED, np.full_like(TRUTH, 255), 5)
    assert math.isnan(nothing.miou)
    assert nothing.missed.tolist() == [0] * 5
    zeros = np.zeros(5, np.int64)
    assert worst_first([nothing, FrameScore(0.5, zeros, zeros), FrameScore(0.2, zeros, zeros)]) == [2, 1, 0]


def test_frames_are_read_from_files(tmp_path):
    for name, content in (("truth", TRUTH), ("pred", PRED)):
        write_picture(tmp_path / f"{name}.png", content)
    (found,) = score_frames([(tmp_path / "pred.png", tmp_path / "truth.png")], 5)
    assert found.missed.tolist() == [1, 0, 1, 0, 0]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"broken\.png"):
        score_frames([(tmp_path / "broken.png", tmp_path / "truth.png")], 5)
