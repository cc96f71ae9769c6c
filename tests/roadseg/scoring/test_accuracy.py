"""The accuracy function against the study's own results to the last bit, and against its definition restated."""

import json

import cv2
import numpy as np
import pytest
from conftest import GOLDEN
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from roadseg.frames.counting import joint_histogram
from roadseg.scoring.accuracy import cal_acc
from roadseg.scoring.folders import matching_files, study_histogram_of_files

VECTORS = GOLDEN / "cal_acc"
EXPECTED = json.loads((VECTORS / "expected.json").read_text())
VALUES = {np.uint8: [0, 1, 18, 19, 20, 254, 255], np.uint16: [0, 1, 19, 255, 256, 257, 9999]}


@pytest.mark.parametrize("case", EXPECTED)
def test_equals_the_study_to_the_last_bit(case):
    pairs = matching_files(VECTORS / case / "pred", VECTORS / case / "gt")
    assert cal_acc(study_histogram_of_files(pairs))[0] == EXPECTED[case]


def study_iou(preds, truths, k=19):
    """The definition in docs/study.md, by numpy's own histogram, image by image."""
    intersection, union = np.zeros(k), np.zeros(k)
    for pred, truth in zip(preds, truths, strict=True):
        pred = np.where(truth == 255, 255, pred)
        hists = [np.histogram(x, bins=np.arange(k + 1))[0] for x in (pred, truth, pred[pred == truth])]
        intersection += hists[2]
        union += hists[0] + hists[1] - hists[2]
    return intersection / (union + 1e-10)


@given(arrays.arrays(np.uint8, (2, 2, 5, 7), elements=st.sampled_from([0, 1, 2, 3, 4, 5, 254, 255])))
@settings(deadline=None)
def test_equals_the_definition_on_any_values(images):
    preds, truths = images
    joint = sum(joint_histogram(p, t) for p, t in zip(preds, truths, strict=True))
    miou, iou = cal_acc(joint, num_classes=4)
    expected = study_iou(preds, truths, 4)
    assert np.array_equal(iou, expected)
    assert miou == expected.mean()


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize("dtype", VALUES)
def test_files_of_any_values_bits_and_channels(tmp_path, shape, dtype):
    rng = np.random.default_rng(0)
    maps = [rng.choice(np.array(VALUES[dtype], dtype), shape) for _ in range(2)]
    for name, content in zip(("pred.png", "gt.png"), maps, strict=True):
        cv2.imwrite(str(tmp_path / name), content)
    joint = study_histogram_of_files([(tmp_path / "pred.png", tmp_path / "gt.png")])
    assert np.array_equal(cal_acc(joint)[1], study_iou(*([values] for values in maps)))


def test_the_study_counts_19_classes_and_ignores_255():
    truth = np.array([[0, 18, 18, 255]], dtype=np.uint8)
    pred = np.array([[0, 18, 0, 18]], dtype=np.uint8)
    miou, iou = cal_acc(joint_histogram(pred, truth))
    assert iou.shape == (19,)
    assert iou[[0, 18]] == pytest.approx([1 / 2, 1 / 2])
    assert miou == pytest.approx(1 / 19)
