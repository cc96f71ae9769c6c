"""The scores against the study's own results to the last bit, its definition restated, and hand-counted maps."""

import json

import numpy as np
import pytest
from conftest import GOLDEN
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from roadseg.pipeline.errors import UserError
from roadseg.scoring.folders import joint_histogram_of_files
from roadseg.scoring.scoring import cal_acc, confusion_matrix, joint_histogram, score

VECTORS = GOLDEN / "cal_acc"
EXPECTED = json.loads((VECTORS / "expected.json").read_text())


def pairs(case):
    return [(VECTORS / case / "pred" / truth.name, truth) for truth in sorted((VECTORS / case / "gt").iterdir())]


@pytest.mark.parametrize("case", EXPECTED)
def test_equals_the_study_to_the_last_bit(case):
    miou, _ = cal_acc(joint_histogram_of_files(pairs(case)))
    assert miou == EXPECTED[case]


def study_iou(preds, truths, k):
    """Spec section 5, by numpy's own histogram, image by image."""
    intersection, union = np.zeros(k), np.zeros(k)
    for pred, truth in zip(preds, truths, strict=True):
        pred = np.where(truth == 255, 255, pred)
        hists = [np.histogram(x, bins=np.arange(k + 1))[0] for x in (pred, truth, pred[pred == truth])]
        intersection += hists[2]
        union += hists[0] + hists[1] - hists[2]
    return intersection / (union + 1e-10)


maps = arrays.arrays(np.uint8, (2, 2, 5, 7), elements=st.sampled_from([0, 1, 2, 3, 4, 5, 254, 255]))


@given(maps)
@settings(deadline=None)
def test_equals_the_definition_on_any_values(images):
    preds, truths = images
    joint = sum(joint_histogram(p, t) for p, t in zip(preds, truths, strict=True))
    miou, iou = cal_acc(joint, num_classes=4)
    expected = study_iou(preds, truths, 4)
    assert np.array_equal(iou, expected)
    assert miou == expected.mean()


def test_the_study_counts_19_classes_and_ignores_255():
    truth = np.array([[0, 18, 18, 255]], dtype=np.uint8)
    pred = np.array([[0, 18, 0, 18]], dtype=np.uint8)
    miou, iou = cal_acc(joint_histogram(pred, truth))
    assert iou.shape == (19,)
    assert iou[[0, 18]] == pytest.approx([1 / 2, 1 / 2])
    assert miou == pytest.approx(1 / 19)


def test_hand_counted_scores():
    truth = np.array([[0, 0, 0, 0, 1, 1, 255, 255]], dtype=np.uint8)
    pred = np.array([[0, 0, 0, 1, 1, 2, 0, 9]], dtype=np.uint8)
    result = score(joint_histogram(pred, truth), num_classes=4)
    # class 0: 3 of 4; class 1: 1 of 3 (one taken from 0, one lost to 2); class 2: 0 of 1; class 3 nowhere
    assert result.iou == pytest.approx([3 / 4, 1 / 3, 0, 0])
    assert result.miou == pytest.approx((3 / 4 + 1 / 3) / 4)
    assert result.miou_present == pytest.approx((3 / 4 + 1 / 3 + 0) / 3)  # class 3 alone is left out
    assert result.pixel_accuracy == pytest.approx(4 / 6)
    assert result.fw_iou == pytest.approx((4 * 3 / 4 + 2 * 1 / 3) / 6)
    assert result.confusion.tolist() == [[3, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_a_class_that_is_ignored_counts_in_no_figure():
    truth = np.array([[0, 0, 0, 0, 1, 1, 2]], dtype=np.uint8)
    pred = np.array([[0, 0, 0, 1, 1, 2, 2]], dtype=np.uint8)
    result = score(joint_histogram(pred, truth), num_classes=3, ignore_index=1)
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


def test_a_class_that_is_predicted_on_ignored_pixels_alone_does_not_occur():
    truth, pred = np.array([[0, 0, 1, 255]], np.uint8), np.array([[0, 0, 1, 2]], np.uint8)
    assert score(joint_histogram(pred, truth), num_classes=3).miou_present == pytest.approx(1)


def test_a_prediction_that_is_no_class_is_a_miss():
    truth, pred = np.zeros((1, 4), np.uint8), np.array([[0, 0, 0, 77]], np.uint8)
    result = score(joint_histogram(pred, truth), num_classes=2)
    assert result.pixel_accuracy == 0.75
    assert result.fw_iou == pytest.approx(0.75)


def test_confusion_matrix_has_truth_in_rows_and_leaves_out_ignored_pixels():
    truth = np.array([[0, 1, 1, 255]], dtype=np.uint8)
    pred = np.array([[1, 1, 0, 1]], dtype=np.uint8)
    assert confusion_matrix(pred, truth, num_classes=2).tolist() == [[0, 1], [1, 1]]
    assert confusion_matrix(pred, truth, num_classes=2, ignore_index=0).tolist() == [[0, 0], [1, 1]]


def test_truth_without_a_class_is_reported():
    blank = np.full((2, 2), 255, np.uint8)
    with pytest.raises(UserError, match=r"^no pixel of the truth has a class; nothing can be scored$"):
        score(joint_histogram(blank, blank))
