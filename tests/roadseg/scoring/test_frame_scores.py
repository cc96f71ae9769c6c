"""A frame's own score agrees with counting its pixels by hand."""

import math

import numpy as np
import pytest
from conftest import write_picture

from roadseg.pipeline.errors import UserError
from roadseg.scoring.frame_scores import FrameScore, score_frame, score_frames, worst_first

TRUTH = np.array([[0, 0, 1, 1], [2, 2, 255, 255]], np.uint8)
PRED = np.array([[0, 1, 1, 1], [2, 0, 3, 1]], np.uint8)


def test_a_frame_is_scored_over_the_classes_that_it_shows():
    found = score_frame(PRED, TRUTH, 5)
    # of class 0 one of three pixels that are either, of 1 two of three, of 2 one of two; 3 and 4 don't occur
    assert found.miou == pytest.approx((1 / 3 + 2 / 3 + 1 / 2) / 3)
    assert found.truth.tolist() == [2, 2, 2, 0, 0]
    assert found.missed.tolist() == [1, 0, 1, 0, 0]


def test_a_prediction_of_no_class_misses():
    found = score_frame(np.full((1, 3), 255, np.uint8), np.zeros((1, 3), np.uint8), 2)
    assert (found.miou, found.missed.tolist()) == (pytest.approx(0), [3, 0])


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
