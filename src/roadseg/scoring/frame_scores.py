"""The score of each frame by itself, to find those where a network does worst."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roadseg.frames.classes import IGNORE_INDEX
from roadseg.frames.counting import joint_histogram
from roadseg.frames.images import read_label
from roadseg.scoring.scoring import score


@dataclass(frozen=True)
class FrameScore:
    """How good one frame's prediction is, and what of each class it has missed."""

    miou: float  # over the classes in its truth or its prediction; NaN where no pixel of the truth has a class
    truth: np.ndarray  # (K,) int64, pixels of each class
    missed: np.ndarray  # (K,) int64, those of them that were given another class


def score_frame(pred: np.ndarray, truth: np.ndarray, num_classes: int) -> FrameScore:
    """Score one frame from two (H, W) uint8 maps of one size; one without truth is no UserError, its mIoU is NaN."""
    joint = joint_histogram(pred, truth)
    pixels = joint[:num_classes].sum(axis=1)
    pixels[IGNORE_INDEX : IGNORE_INDEX + 1] = 0
    hits = np.diagonal(joint)[:num_classes]
    miou = score(joint, num_classes).miou_present if pixels.any() else float("nan")
    return FrameScore(miou, pixels, np.maximum(pixels - hits, 0))


def score_frames(pairs: Sequence[tuple[Path, Path]], num_classes: int) -> list[FrameScore]:
    """Score frames from (prediction, truth) PNG files, read by threads; UserError where one can't be read."""

    def of_files(pair: tuple[Path, Path]) -> FrameScore:
        return score_frame(read_label(pair[0]), read_label(pair[1]), num_classes)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(of_files, pairs))


def worst_first(scores: Sequence[FrameScore]) -> list[int]:
    """Return the places of the frames by their mIoU, lowest first; those without a truth come last."""
    return sorted(range(len(scores)), key=lambda i: (np.isnan(scores[i].miou), scores[i].miou))
