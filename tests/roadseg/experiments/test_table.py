"""Folds together against the mIoU of all their pixels, and where there is no such figure."""

import numpy as np
import pytest

from roadseg.experiments import table
from roadseg.experiments.runs import Run
from roadseg.frames.counting import joint_histogram
from roadseg.scoring.accuracy import cal_acc
from roadseg.scoring.metrics import score


def maps(seed):
    """A truth and a prediction, (40, 50) uint8, the truth with ignored pixels; class 18 is nowhere."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(np.array([*range(5 + seed), 255], np.uint8), (40, 50))
    return truth, np.where(rng.random(truth.shape) < 0.6, truth % 18, rng.integers(0, 18, truth.shape)).astype(np.uint8)


def confusion_of(truth, pred):
    return score(joint_histogram(pred, truth)).confusion


def row(variant, confusion):
    return {"group": "g", "variant": variant, "miou": 0.5, "confusion": confusion}


def test_the_pooled_miou_is_that_of_all_pixels_at_once():
    pairs = [maps(seed) for seed in range(3)]
    everything = [np.concatenate(arrays) for arrays in zip(*pairs, strict=True)]
    expected, _ = cal_acc(joint_histogram(everything[1], everything[0]))
    assert table.pooled_miou([confusion_of(*pair) for pair in pairs]) == pytest.approx(expected)


def test_each_row_of_a_variant_has_its_figure():
    a, b = (confusion_of(*maps(seed)) for seed in (0, 1))
    rows = table.with_pooled_miou([row("x", a), row("x", b), row("y", a), row("y", None)])
    both = table.pooled_miou([a, b])
    assert [line["miou_pooled"] for line in rows] == [both, both, None, None]
    assert all("confusion" not in line for line in rows)
    assert table.with_pooled_miou([row("y", None)]) == [{"group": "g", "variant": "y", "miou": 0.5}]


def test_a_runs_counts_are_those_of_its_commit(monkeypatch):
    monkeypatch.setattr(table, "git", lambda *_: "truth,road,sky\nroad,3,1\nsky,0,2\n")
    assert table.confusion_of(Run("x", "rev", None, {})).tolist() == [[3, 1], [0, 2]]
    # of road 3 of 4 pixels, of sky 2 of 3
    assert table.pooled_miou([table.confusion_of(Run("x", "rev", None, {}))]) == pytest.approx((3 / 4 + 2 / 3) / 2)
