"""Frames and labels at the network's input size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from roadseg.frames.files import FrameFiles
from roadseg.frames.resizing import resize_label, resize_picture
from roadseg.frames.stored import Stored, load_stored, open_stored
from roadseg.pipeline.sections import Input


@dataclass(frozen=True)
class Frames:
    """N frames of one size, and the sizes that they had."""

    images: np.ndarray  # (N, H, W, 3) uint8 RGB
    labels: np.ndarray  # (N, H, W) uint8
    sizes: Sequence[tuple[int, int]]  # height and width of each file
    folder: Path | None = None  # whose files the arrays are mapped from

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.labels.shape[1], self.labels.shape[2]

    def sample(self, index: int, _key: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a picture (H, W, 3) and its label (H, W); nothing is drawn."""
        return self.images[index], self.labels[index]

    def __reduce__(self) -> tuple[Callable[..., "Frames | None"], tuple[Any, ...]]:
        # a process that gets the frames handed over maps the files too, instead of receiving what is in them
        if self.folder:
            return _open, (self.folder, *self.labels.shape[1:])
        return Frames, (self.images, self.labels, self.sizes)


def load_frames(files: Sequence[FrameFiles], target: Input, training: bool, store: Path) -> Frames:
    """Return all frames at the input size, from `store` where the same ones are there already.

    Pictures are resized by `target.resize`: `linear`, `area` (along a side that shrinks each output pixel is the mean
    of what it covers, along one that grows it is linear), or `study` (nearest for training, linear for testing). Labels
    are resized by nearest neighbour, pixel centre to pixel centre.

    The arrays are mapped from the store, whose rules `load_stored` states. Raises UserError where a file can't be read
    or the store can't be written.
    """
    height, width, rule = target.height, target.width, _interpolation(target.resize, training)

    def resize(image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return resize_picture(image, height, width, rule), resize_label(label, height, width)

    return _frames(load_stored(files, ["resized", height, width, rule], resize, store), height, width)


def _interpolation(rule: str, training: bool) -> str:
    return "nearest" if rule == "study" and training else testing_rule(rule)


def testing_rule(rule: str) -> str:
    """Return how frames are resized that are not trained on: by `area` or `linear`, which `study` stands for."""
    return "linear" if rule == "study" else rule


def _open(folder: Path, height: int, width: int) -> Frames | None:
    stored = open_stored(folder)
    return _frames(stored, height, width) if stored else None


def _frames(stored: Stored, height: int, width: int) -> Frames:
    shape = len(stored.sizes), height, width
    return Frames(stored.images.reshape(*shape, 3), stored.labels.reshape(shape), stored.sizes, stored.folder)
