"""The study's accuracy function, and the usual ones beside it, all from one joint histogram of truth and prediction."""

from dataclasses import dataclass

import numpy as np

from roadseg.frames.classes import IGNORE_INDEX, NUM_CLASSES
from roadseg.frames.counting import joint_histogram
from roadseg.pipeline.errors import UserError


def confusion_matrix(
    pred: np.ndarray, truth: np.ndarray, num_classes: int = NUM_CLASSES, ignore_index: int = IGNORE_INDEX
) -> np.ndarray:
    """Count the valid pixels by (true class, predicted class): two uint8 maps of one shape -> (K, K) int64.

    A pixel counts where its truth is a class, `ignore_index` apart, and its prediction is one.
    """
    return _valid(joint_histogram(pred, truth), num_classes, ignore_index)


def _valid(joint: np.ndarray, num_classes: int, ignore_index: int) -> np.ndarray:
    matrix = joint[:num_classes, :num_classes].copy()
    if ignore_index < num_classes:
        matrix[ignore_index] = 0
    return matrix


def cal_acc(
    joint: np.ndarray, num_classes: int = NUM_CLASSES, ignore_index: int = IGNORE_INDEX
) -> tuple[float, np.ndarray]:
    """Return the study's mIoU and IoU per class, (K,) float64, from the sum (256, 256) int64 of all joint histograms.

    The formula is in docs/study.md, Score.

    Kept as it was: the mean goes over all K classes, so one that occurs nowhere counts as 0; the last bin of the
    study's histogram was closed, so a value K counts as class K-1, yet agrees with the truth only where that is K too.

    Example:
        >>> truth = np.array([[0, 0, 1, 1]], dtype=np.uint8)
        >>> pred = np.array([[0, 1, 1, 1]], dtype=np.uint8)
        >>> miou, iou = cal_acc(joint_histogram(pred, truth), num_classes=2)
        >>> iou.round(3).tolist()  # 1 of 2, and 2 of 3
        [0.5, 0.667]
        >>> round(miou, 3)
        0.583
    """
    intersection = _bins(np.diagonal(joint), num_classes)
    predicted = _bins(joint.sum(axis=0) - joint[ignore_index], num_classes)
    true = _bins(joint.sum(axis=1), num_classes)
    iou = intersection / (predicted + true - intersection + 1e-10)
    return float(np.mean(iou)), iou


def _bins(counts: np.ndarray, num_classes: int) -> np.ndarray:
    """Sort counts by value (256,) into the K bins of numpy.histogram(bins=0..K), whose last one is closed."""
    bins = counts[:num_classes].astype(np.float64)
    bins[-1] += counts[num_classes]
    return bins


@dataclass(frozen=True)
class Score:
    """How good a set of predictions is; pixels without a truth count in none of the figures."""

    miou: float
    miou_present: float
    pixel_accuracy: float
    fw_iou: float
    iou: np.ndarray  # (K,), as in cal_acc
    confusion: np.ndarray  # (K, K) int64, rows truth, columns prediction


def score(joint: np.ndarray, num_classes: int = NUM_CLASSES, ignore_index: int = IGNORE_INDEX) -> Score:
    """Reduce the summed joint histogram (256, 256) int64 to a Score; UserError where no pixel of the truth has a class.

    `miou_present` is the mean over the classes that occur in the truth or in the prediction of a valid pixel: one that
    is predicted but nowhere true counts as 0, one that is in neither doesn't count. It is what torchmetrics calls the
    macro Jaccard index. `fw_iou` weighs each class's IoU by its share of the true pixels (Long et al. 2015, section 5);
    `pixel_accuracy` is the share of valid pixels that are right.
    """
    miou, iou = cal_acc(joint, num_classes, ignore_index)
    truth = joint[:num_classes].sum(axis=1)  # (K,); a prediction that is not a class is a miss, so it counts here
    truth[ignore_index : ignore_index + 1] = 0
    if truth.sum() == 0:
        raise UserError("no pixel of the truth has a class; nothing can be scored")
    matrix = _valid(joint, num_classes, ignore_index)
    present = (truth > 0) | (matrix.sum(axis=0) > 0)
    return Score(
        miou=miou,
        miou_present=float(iou[present].mean()),
        pixel_accuracy=float(np.trace(matrix) / truth.sum()),
        fw_iou=float((truth * iou).sum() / truth.sum()),
        iou=iou,
        confusion=matrix,
    )
