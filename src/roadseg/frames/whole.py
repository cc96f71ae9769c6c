"""Frames and labels as they are in their files, each of a size of its own."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from roadseg.frames.files import FrameFiles
from roadseg.frames.stored import Stored, load_stored, open_stored


class WholeFrames:
    """N frames; `frames[i]` is a picture (H, W, 3) uint8 RGB and its label (H, W) uint8, mapped from the store."""

    def __init__(self, stored: Stored) -> None:
        self.sizes, self._stored = stored.sizes, stored
        self._starts = list(accumulate((height * width for height, width in stored.sizes), initial=0))  # pixels

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def folder(self) -> Path:
        """Whose files the frames are mapped from."""
        return self._stored.folder

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        size, start = self.sizes[index], self._starts[index]
        end = start + size[0] * size[1]
        # plain arrays: slicing a memmap takes four times as long
        image, label = np.asarray(self._stored.images), np.asarray(self._stored.labels)
        return image[3 * start : 3 * end].reshape(*size, 3), label[start:end].reshape(size)

    def __reduce__(self) -> tuple[object, ...]:
        # a process that gets the frames handed over maps the files too, instead of receiving what is in them
        return _open, (self._stored.folder,)


def load_whole_frames(files: Sequence[FrameFiles], store: Path) -> WholeFrames:
    """Return all frames at the size of their files, from `store` where the same ones are there already.

    The pixels are mapped from the store, whose rules `load_stored` states. Raises UserError where a file can't be read
    or the store can't be written.
    """
    return WholeFrames(load_stored(files, ["whole"], lambda image, label: (image, label), store))


def _open(folder: Path) -> WholeFrames | None:
    stored = open_stored(folder)
    return WholeFrames(stored) if stored else None
