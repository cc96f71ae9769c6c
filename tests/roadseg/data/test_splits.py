"""The expected orders are those of `printf val/STEM | sha256sum`, sorted."""

import random

import pytest

from roadseg.data.splits import make_splits, ranked

TEN = [f"{number:06d}_10" for number in range(10)]
IN_ORDER = [f"{number:06d}_10" for number in (0, 7, 8, 5, 2, 4, 6, 9, 3, 1)]


def test_rank_depends_on_names_only() -> None:
    shuffled = random.Random(3).sample(TEN, 10)
    assert ranked(TEN, "val") == ranked(shuffled, "val") == IN_ORDER
    assert ranked(TEN[:5], "val") == [stem for stem in IN_ORDER if stem in TEN[:5]]


def test_words_rank_differently() -> None:
    assert ranked(TEN, "test") != ranked(TEN, "val")


def test_val_frames_are_the_lowest_of_training() -> None:
    splits = make_splits(TEN, ["b", "a"], 0.3)
    assert splits["val"] == sorted(IN_ORDER[:3])
    assert splits["train"] == sorted(IN_ORDER[3:])
    assert splits["test"] == ["a", "b"]


@pytest.mark.parametrize(
    ("frames", "fraction", "val"),
    [(10, 0, 0), (10, 0.1, 1), (10, 0.26, 3), (10, 0.01, 1), (10, 0.99, 9), (2, 0.1, 1), (1, 0.1, 0), (1, 0.9, 0)],
)
def test_number_of_val_frames(frames: int, fraction: float, val: int) -> None:
    splits = make_splits(TEN[:frames], [], fraction)
    assert (len(splits["val"]), len(splits["train"])) == (val, frames - val)


def test_more_frames_keep_the_choice_among_the_old() -> None:
    few, many = make_splits(TEN[:5], [], 0.4), make_splits(TEN, [], 0.5)
    assert few["val"] == [TEN[0], TEN[2]]
    assert set(few["val"]) <= set(many["val"])
