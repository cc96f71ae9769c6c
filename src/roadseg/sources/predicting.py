"""From frames of any size to class maps at that size, and how sure the network is of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadseg.networks.prediction import ENLARGE, Engine
from roadseg.sources.frame import Broken, Frame


@dataclass(frozen=True)
class Predicted:
    """What is predicted of a frame."""

    frame: Frame
    classes: np.ndarray  # (H, W) uint8, at the frame's own size
    confidence: float  # the mean over the frame


def predict_frames(
    engine: Engine, frames: Iterable[Frame | Broken], batch_size: int, enlarge: str
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
            yield from _predict_batch(engine, batch, enlarge)
            batch = []
    if batch:
        yield from _predict_batch(engine, batch, enlarge)


def _predict_batch(engine: Engine, batch: list[Frame], enlarge: str) -> Iterator[Predicted]:
    logits = engine(np.stack([frame.small for frame in batch]))
    for frame, own in zip(batch, logits, strict=True):
        with torch.inference_mode():
            classes = ENLARGE[enlarge](own, frame.image.shape[:2]).cpu().numpy()
            sure = confidence(own)
        yield Predicted(frame, classes, sure)


def confidence(logits: Tensor) -> float:
    """Return the mean of the largest probability that (K, h, w) float logits give a class.

    It is taken at every second position along each side: that is as good a mean, and costs a quarter.
    """
    return float(logits[:, ::2, ::2].softmax(dim=0).amax(dim=0).mean())
