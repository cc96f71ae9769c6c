"""Metrics of a whole set of predictions and of single frames, from joint histograms of truth and prediction."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roadseg.frames.classes import IGNORE_INDEX, NUM_CLASSES
from roadseg.frames.counting import joint_histogram
from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError
from roadseg.scoring.accuracy import cal_acc


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
    valid = _valid(joint, num_classes, ignore_index)
    truth, confusion = valid.sum(axis=1), valid[:, :num_classes]
    if truth.sum() == 0:
        raise UserError("no pixel of the truth has a class; nothing can be scored")
    present = (truth > 0) | (confusion.sum(axis=0) > 0)
    return Score(
        miou=miou,
        miou_present=float(iou[present].mean()),
        pixel_accuracy=float(np.trace(confusion) / truth.sum()),
        fw_iou=float((truth * iou).sum() / truth.sum()),
        iou=iou,
        confusion=confusion,
    )


def _valid(joint: np.ndarray, num_classes: int, ignore_index: int) -> np.ndarray:
    """Count the pixels whose truth is a class, (K, 256): a prediction that is no class is a miss, so it counts too."""
    valid = joint[:num_classes].copy()
    valid[ignore_index : ignore_index + 1] = 0  # no row where the ignored value is no class
    return valid


@dataclass(frozen=True)
class FrameScore:
    """How good one frame's prediction is, and what of each class it has missed."""

    miou: float  # over the classes in its truth or its prediction; NaN where no pixel of the truth has a class
    truth: np.ndarray  # (K,) int64, pixels of each class
    missed: np.ndarray  # (K,) int64, those of them that were given another class


def score_frame(pred: np.ndarray, truth: np.ndarray, num_classes: int) -> FrameScore:
    """Score one frame from two (H, W) uint8 maps of one size; one without truth is no UserError, its mIoU is NaN."""
    joint = joint_histogram(pred, truth)
    valid = _valid(joint, num_classes, IGNORE_INDEX)
    pixels = valid.sum(axis=1)
    miou = score(joint, num_classes).miou_present if pixels.any() else float("nan")
    return FrameScore(miou, pixels, pixels - np.diagonal(valid))


def score_frames(pairs: Sequence[tuple[Path, Path]], num_classes: int) -> list[FrameScore]:
    """Score frames from (prediction, truth) PNG files, read by threads; UserError where one can't be read."""

    def of_files(pair: tuple[Path, Path]) -> FrameScore:
        return score_frame(read_label(pair[0]), read_label(pair[1]), num_classes)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(of_files, pairs))


def worst_first(scores: Sequence[FrameScore]) -> list[int]:
    """Return the places of the frames by their mIoU, lowest first; those without a truth come last."""
    return sorted(range(len(scores)), key=lambda i: (np.isnan(scores[i].miou), scores[i].miou))
