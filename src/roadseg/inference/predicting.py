"""Predictions on the frames of a source, each at its own size, written as they come with a table of them."""

import csv
import math
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor
from tqdm import tqdm

from roadseg.inference.reading import Frame, Unreadable, in_order
from roadseg.inference.trained import Trained
from roadseg.inference.writing import Output
from roadseg.networks.prediction import Engine, class_maps
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.stage import replacing

WAITING = 16  # predictions at most that wait to be written
_POSITIONS = 4096  # at least, whose probabilities are looked at


@dataclass(frozen=True)
class Predicted:
    """What is predicted of a frame."""

    frame: Frame
    classes: np.ndarray  # (H, W) uint8, at the frame's own size
    confidence: float  # the mean over the frame


def predict_source(
    frames: Iterable[Frame | Unreadable], total: int, trained: Trained, engine: Engine, output: Output, summary: Path
) -> tuple[int, int]:
    """Write all predictions, and a table with each frame's confidence and shares of classes; tell unreadable frames.

    Return how many frames were predicted and how many could not be read; `total` is how many there are, 0 where that
    isn't known. Raises UserError where none could be read.
    """
    how, names = trained.params.predict, trained.classes.names
    predicted, unreadable = 0, 0

    def write(one: Predicted | Unreadable) -> list[str] | Unreadable:
        if isinstance(one, Unreadable):
            return one
        output.write(one.frame, one.classes)
        shares = shares_of(one.classes, len(names))
        name = printable(one.frame.name.as_posix())
        return [name, f"{one.confidence:.4f}", *(f"{share:.6f}" for share in shares)]

    with (
        replacing(summary) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
        tqdm(total=total or None, desc="predict", unit="frame", leave=False, disable=None) as progress,
        ThreadPoolExecutor(output.threads) as pool,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["frame", "confidence", *names])
        jobs = (partial(write, one) for one in predict_frames(engine, frames, how.batch_size, how.upsampling))
        for row in in_order(pool, jobs, WAITING):
            if isinstance(row, Unreadable):
                unreadable += 1
                progress.write(f"passed over: {row.reason}", file=sys.stderr)
            else:
                predicted += 1
                table.writerow(row)
            progress.update()
        if not predicted:
            raise UserError("no frame could be read, so nothing is written")
    return predicted, unreadable


def predict_frames(
    engine: Engine, frames: Iterable[Frame | Unreadable], batch_size: int, upsampling: str
) -> Iterator[Predicted | Unreadable]:
    """Yield what is predicted of each frame; those that can't be read come at once, before the batch around them.

    `engine` takes images (N, h, w, 3) uint8 RGB and returns logits (N, K, h', w').
    """
    batch: list[Frame] = []
    for frame in frames:
        if isinstance(frame, Unreadable):
            yield frame
            continue
        batch.append(frame)
        if len(batch) == batch_size:
            yield from _predict_batch(engine, batch, upsampling)
            batch = []
    if batch:
        yield from _predict_batch(engine, batch, upsampling)


def _predict_batch(engine: Engine, batch: list[Frame], upsampling: str) -> Iterator[Predicted]:
    logits = engine(np.stack([frame.small for frame in batch]))
    maps = class_maps(logits, [(frame.image.shape[0], frame.image.shape[1]) for frame in batch], upsampling)
    for frame, classes, own in zip(batch, maps, logits, strict=True):
        yield Predicted(frame, classes, confidence(own))


def confidence(logits: Tensor) -> float:
    """Return the mean of the largest probability that (K, h, w) float logits give a class.

    Of many positions some thousands are taken, on an even grid: that is as good a mean, and costs next to nothing.
    """
    step = max(1, math.isqrt(logits[0].numel() // _POSITIONS))
    return float(logits[:, ::step, ::step].softmax(dim=0).amax(dim=0).mean())


def shares_of(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Return which share of a class map, (H, W) uint8, each class has: (num_classes,) float64."""
    counts = cv2.calcHist([classes], [0], None, [num_classes], [0, num_classes])  # ten times as quick as bincount
    return counts.ravel().astype(np.float64) / classes.size
