"""Frames and labels at the network's input size, decoded and resized once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from roadseg.errors import UserError
from roadseg.images import read_image, read_label


@dataclass(frozen=True)
class FrameFiles:
    """Where one frame's picture and label are."""

    image: Path
    label: Path


@dataclass(frozen=True)
class Frames:
    """N frames of one size, and the sizes that they had."""

    images: np.ndarray  # (N, H, W, 3) uint8 RGB
    labels: np.ndarray  # (N, H, W) uint8
    sizes: list[tuple[int, int]]  # height and width of each file

    def __len__(self) -> int:
        return len(self.images)


def frame_files(folder: Path, stems: Sequence[str]) -> list[FrameFiles]:
    """Find the frames of a split folder (`image/` and `label/` below it) by their stems."""
    image_of_stem = {path.stem: path for path in (folder / "image").iterdir()}
    missing = [stem for stem in stems if stem not in image_of_stem]
    if missing:
        raise UserError(f"{folder / 'image'} has no picture {missing[0]}; run `dvc repro fetch_data`")
    return [FrameFiles(image_of_stem[stem], folder / "label" / f"{stem}.png") for stem in stems]


def load_frames(files: Sequence[FrameFiles], height: int, width: int, resize: str) -> Frames:
    """Read and resize all frames, in threads.

    `resize` is how pictures shrink: `nearest`, `linear` or `area` (each output pixel the mean of what it covers; where
    a picture grows, OpenCV takes linear). Labels go by nearest neighbour, pixel centre to pixel centre.
    """
    images = np.empty((len(files), height, width, 3), dtype=np.uint8)
    labels = np.empty((len(files), height, width), dtype=np.uint8)
    method = {"nearest": cv2.INTER_NEAREST, "linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}[resize]

    def load(i: int) -> tuple[int, int]:
        image, label = read_image(files[i].image), read_label(files[i].label)
        cv2.resize(image, (width, height), dst=images[i], interpolation=method)
        cv2.resize(label, (width, height), dst=labels[i], interpolation=cv2.INTER_NEAREST_EXACT)
        return label.shape[0], label.shape[1]

    with ThreadPoolExecutor() as pool:
        progress = tqdm(pool.map(load, range(len(files))), "frames", len(files), leave=False, disable=None)
        return Frames(images, labels, list(progress))


def resize_of(rule: str, training: bool) -> str:
    """How pictures shrink by `input.resize`: the study's own rule differed between training and testing."""
    if rule == "study":
        return "nearest" if training else "linear"
    return rule
