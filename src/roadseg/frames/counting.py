"""Counts of pixels by value and by class, exact and quick."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.classes import NUM_CLASSES
from roadseg.frames.images import read_label

VALUES = 256  # an 8-bit map holds these many values
_COUNTED_EXACTLY = 2**24  # pixels, by OpenCV's float32 histogram


def count_values(*maps: np.ndarray) -> np.ndarray:
    """Count pixels by their value in each of one or two (H, W) uint8 maps: (256,) or (256, 256) int64.

    OpenCV's histogram lets other threads run meanwhile, as numpy's bincount doesn't.
    """
    counts = np.zeros((VALUES,) * len(maps), dtype=np.int64)
    rows = max(1, _COUNTED_EXACTLY // maps[0].shape[1])
    for top in range(0, len(maps[0]), rows):
        strips = [values[top : top + rows] for values in maps]
        channels, edges = list(range(len(maps))), [0, VALUES] * len(maps)
        strip = cv2.calcHist(strips, channels, None, list(counts.shape), edges)
        counts += strip.reshape(counts.shape).astype(np.int64)
    return counts


def joint_histogram(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Count pixels by (truth value, predicted value): two (H, W) uint8 maps -> (256, 256) int64."""
    return count_values(truth, pred)


def count_pixels(labels: Iterable[np.ndarray], num_classes: int = NUM_CLASSES) -> np.ndarray:
    """Count the pixels of each class in each of N label maps (H, W) uint8: (N, K) int64; other values are left out."""
    return np.stack([count_values(label)[:num_classes] for label in labels])


def count_pixels_of_files(files: Iterable[Path], num_classes: int = NUM_CLASSES) -> np.ndarray:
    """Return the same for label files, read by threads; UserError for one that can't be read."""
    with ThreadPoolExecutor() as pool:
        return np.concatenate(list(pool.map(lambda file: count_pixels([read_label(file)], num_classes), files)))
