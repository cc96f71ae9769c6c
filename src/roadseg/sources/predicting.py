"""From frames of any size to class maps at that size, and how sure the network is of them."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from roadseg.networks.prediction import ENLARGE, Engine
from roadseg.sources.frame import Frame


def predict_frames(
    engine: Engine, frames: Iterable[Frame], batch_size: int, enlarge: str
) -> Iterator[tuple[Frame, np.ndarray, float]]:
    """Yield each frame with its class map, (H, W) uint8 at its own size, and the mean confidence in it.

    `engine` takes images (N, h, w, 3) uint8 RGB and returns logits (N, K, h', w').
    """
    rest = iter(frames)
    while batch := list(islice(rest, batch_size)):
        logits = engine(np.stack([frame.small for frame in batch]))
        for frame, own in zip(batch, logits, strict=True):
            with torch.inference_mode():
                classes = ENLARGE[enlarge](own, frame.image.shape[:2]).cpu().numpy()
                sure = confidence(own)
            yield frame, classes, sure


def confidence(logits: Tensor) -> float:
    """Return the mean over all positions of the largest probability that (K, h, w) float logits give a class."""
    return float(logits.softmax(dim=0).amax(dim=0).mean())
