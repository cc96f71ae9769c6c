"""Folds hold each class as evenly as its frames allow, and all frames once."""

import numpy as np
import pytest
from conftest import write_seg_data

from roadseg.data.folds import assign_folds, hold_out_fold
from roadseg.pipeline.errors import UserError


def test_a_rare_class_is_spread_over_the_folds_and_sizes_differ_by_one():
    pixels = np.zeros((10, 3), dtype=np.int64)
    pixels[:, 0] = 100
    pixels[[0, 1, 2], 1] = 5, 9, 7  # three frames, three folds
    pixels[[3, 4], 2] = 50, 1
    folds = np.array(assign_folds(pixels, 3))
    assert sorted(np.bincount(folds)) == [3, 3, 4]
    assert len(set(folds[:3])) == 3
    assert folds[3] != folds[4]
    assert assign_folds(pixels, 3) == list(folds)


def test_frames_without_a_label_fill_what_is_left():
    assert sorted(assign_folds(np.zeros((5, 2), dtype=np.int64), 5)) == [0, 1, 2, 3, 4]


def test_each_training_frame_is_tested_on_once_and_no_test_frame_ever(tmp_path):
    tested = []
    for number in (1, 2, 3):
        folder = write_seg_data(tmp_path / str(number), train=7, val=0, test=2, height=32, width=64)
        before = {path.stem for path in (folder / "training" / "image").iterdir()}
        hold_out_fold(folder, number, 3)
        names = {part: {path.stem for path in (folder / part / "image").iterdir()} for part in ("training", "testing")}
        assert names["training"] | names["testing"] == before
        assert not names["training"] & names["testing"]
        for part, stems in names.items():
            assert {path.stem for path in (folder / part / "label").iterdir()} == stems
        tested += names["testing"]
    assert sorted(tested) == sorted(before)


def test_more_folds_than_frames(tmp_path):
    folder = write_seg_data(tmp_path, train=3, val=0, test=1, height=32, width=64)
    with pytest.raises(UserError, match=r"data\.fold: 1/4, but there are 3 training frames; lower 4"):
        hold_out_fold(folder, 1, 4)
