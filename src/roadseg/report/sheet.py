"""The report's frames on one sheet, which `dvc plots diff` shows beside that of another experiment."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.images import read_image, write_image

_STRIP, _BASELINE, _LEFT = 24, 18, 6  # pixels: the height of a name's strip, and where the name stands in it


def draw_sheet(pictures: Mapping[str, Path], path: Path) -> None:
    """Write pictures one below the other, on white, each under its name; UserError where one can't be read.

    What is not ASCII in a name stands as a question mark.
    """
    images = {name: read_image(picture) for name, picture in pictures.items()}
    width = max(image.shape[1] for image in images.values())
    rows = [row for name, image in images.items() for row in (_strip(name, width), _widened(image, width))]
    write_image(path, np.concatenate(rows))


def _strip(name: str, width: int) -> np.ndarray:
    """(24, width, 3) uint8: the name in black on white."""
    strip, text = np.full((_STRIP, width, 3), 255, np.uint8), name.encode("ascii", "replace").decode()
    return cv2.putText(strip, text, (_LEFT, _BASELINE), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)


def _widened(image: np.ndarray, width: int) -> np.ndarray:
    return np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)), constant_values=255)
