"""What each frame of a data set holds, read once: its size, its pixels by class, and what it is known by."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from roadseg.data.fingerprints import Fingerprint, fingerprint
from roadseg.frames.counting import count_values
from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_image, read_label


@dataclass(frozen=True)
class Content:
    """What one frame holds."""

    size: tuple[int, int]  # height and width
    pixels: np.ndarray  # (256,) int64, of each value of its label
    known_by: Fingerprint


def read_contents(files: Sequence[FrameFiles]) -> list[Content]:
    """Read all frames, by threads; UserError where a picture or a label can't be read."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(tqdm(pool.map(_content, files), "look", len(files), leave=False, disable=None))


def _content(file: FrameFiles) -> Content:
    known_by, label = fingerprint(read_image(file.image)), read_label(file.label)
    return Content((label.shape[0], label.shape[1]), count_values(label), known_by)
