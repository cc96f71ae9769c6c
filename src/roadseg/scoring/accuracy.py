"""The study's accuracy function: mIoU and IoU by class from one joint histogram of truth and prediction."""

import numpy as np

from roadseg.frames.classes import IGNORE_INDEX, NUM_CLASSES


def cal_acc(
    joint: np.ndarray, num_classes: int = NUM_CLASSES, ignore_index: int = IGNORE_INDEX
) -> tuple[float, np.ndarray]:
    """Return the study's mIoU and IoU per class, (K,) float64, from the sum (256, 256) int64 of all joint histograms.

    The formula is in docs/study.md, Score.

    Kept as it was: the mean goes over all K classes, so one that occurs nowhere counts as 0; the last bin of the
    study's histogram was closed, so a value K counts as class K-1, yet agrees with the truth only where that is K too.

    Example:
        >>> joint = np.zeros((256, 256), np.int64)
        >>> joint[0, 0], joint[0, 1], joint[1, 1] = 1, 1, 2  # truth 0 0 1 1, prediction 0 1 1 1
        >>> miou, iou = cal_acc(joint, num_classes=2)
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
