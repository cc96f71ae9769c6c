"""The expected orders are those of `printf val/STEM | sha256sum`, sorted; folds spread each class."""

import random

import numpy as np
import pytest
from conftest import write_seg_data

from roadseg.data.splits import assign_folds, make_splits, ranked, use_fold
from roadseg.pipeline.errors import UserError

TEN = [f"{number:06d}_10" for number in range(10)]
IN_ORDER = [f"{number:06d}_10" for number in (0, 7, 8, 5, 2, 4, 6, 9, 3, 1)]


def test_rank_depends_on_the_word_and_the_names_only():
    assert ranked(TEN, "val") == ranked(random.Random(3).sample(TEN, 10), "val") == IN_ORDER
    assert ranked(TEN[:5], "val") == [stem for stem in IN_ORDER if stem in TEN[:5]]
    assert ranked(TEN, "test") != IN_ORDER


def test_val_frames_are_the_lowest_of_training_or_those_that_are_given():
    found = make_splits(TEN, ["b", "a"], 0.3)
    assert found == {"train": sorted(IN_ORDER[3:]), "val": sorted(IN_ORDER[:3]), "test": ["a", "b"]}
    assert make_splits(["c", "a", "b"], ["d"], 0.3, {"b", "x"}) == {"train": ["a", "c"], "val": ["b"], "test": ["d"]}


@pytest.mark.parametrize(
    ("frames", "fraction", "val"),
    [(10, 0, 0), (10, 0.1, 1), (10, 0.26, 3), (10, 0.01, 1), (10, 0.99, 9), (2, 0.1, 1), (1, 0.1, 0), (1, 0.9, 0)],
)
def test_number_of_val_frames(frames, fraction, val):
    found = make_splits(TEN[:frames], [], fraction)
    assert (len(found["val"]), len(found["train"])) == (val, frames - val)


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
    assert sorted(assign_folds(np.zeros((5, 2), dtype=np.int64), 5)) == [0, 1, 2, 3, 4]  # without a label


def test_each_training_frame_is_tested_on_once_and_no_test_frame_ever(tmp_path):
    tested = []
    for fold in ("1/3", "2/3", "3/3"):
        folder = write_seg_data(tmp_path / fold, train=7, val=0, test=2)
        before = {path.stem for path in (folder / "training" / "image").iterdir()}
        use_fold(folder, fold, 19)
        names = {part: {path.stem for path in (folder / part / "image").iterdir()} for part in ("training", "testing")}
        assert names["training"] | names["testing"] == before
        assert not names["training"] & names["testing"]
        for part, stems in names.items():
            assert {path.stem for path in (folder / part / "label").iterdir()} == stems
        tested += names["testing"]
    assert sorted(tested) == sorted(before)
    with pytest.raises(UserError, match=r"data\.fold: 1/8, but there are 7 training frames; lower 8"):
        use_fold(write_seg_data(tmp_path / "few", train=7, val=0), "1/8", 19)
