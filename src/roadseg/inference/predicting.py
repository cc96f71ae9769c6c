"""From frames of any size to class maps at that size, and how sure the network is of them."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from roadseg.inference.frame import Broken, Frame
from roadseg.networks.prediction import Engine, class_maps

_POSITIONS = 4096  # at least, whose probabilities are looked at


@dataclass(frozen=True)
class Predicted:
    """What is predicted of a frame."""

    frame: Frame
    classes: np.ndarray  # (H, W) uint8, at the frame's own size
    confidence: float  # the mean over the frame


def predict_frames(
    engine: Engine, frames: Iterable[Frame | Broken], batch_size: int, upsampling: str
) -> Iterator[Predicted | Broken]:
    """Yield what is predicted of each frame; those that are broken come at once, before the batch around them.

    `engine` takes images (N, h, w, 3) uint8 RGB and returns logits (N, K, h', w').
    """
    batch: list[Frame] = []
    for frame in frames:
        if isinstance(frame, Broken):
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
