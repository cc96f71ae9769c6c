"""The table of what was seen: a row a frame, written as the frames come."""

import csv
from collections.abc import Sequence
from pathlib import PurePath
from typing import TextIO, TypeAlias

import cv2
import numpy as np

from roadseg.pipeline.errors import printable

Row: TypeAlias = tuple[PurePath, float, np.ndarray]  # a frame's name, the mean confidence, the classes' shares (K,)


class Summary:
    """Writes rows of a frame's name, the mean confidence, and the share of each class, from 0 to 1."""

    def __init__(self, file: TextIO, names: Sequence[str]) -> None:
        self.rows, self.count = csv.writer(file, lineterminator="\n"), 0
        self.rows.writerow(["frame", "confidence", *names])

    def add(self, name: PurePath, confidence: float, shares: np.ndarray) -> None:
        """Write the row of a frame whose classes have these shares, (K,) float."""
        self.rows.writerow([printable(name.as_posix()), f"{confidence:.4f}", *(f"{share:.6f}" for share in shares)])
        self.count += 1


def shares_of(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Return which share of a class map, (H, W) uint8, each class has: (num_classes,) float64."""
    counts = cv2.calcHist([classes], [0], None, [num_classes], [0, num_classes])  # ten times as quick as bincount
    return counts.ravel().astype(np.float64) / classes.size
