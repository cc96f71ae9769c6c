"""Counts of pixels by value, exact and quick."""

import cv2
import numpy as np

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
