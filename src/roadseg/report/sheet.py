"""The report's frames on one sheet, which `dvc plots diff` shows beside that of another experiment."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from roadseg.images import read_image, write_image


def draw_sheet(pictures: Sequence[Path], path: Path) -> None:
    """Write pictures one below the other, on white; UserError where one can't be read."""
    images = [read_image(picture) for picture in pictures]
    width = max(image.shape[1] for image in images)
    padded = [np.pad(i, ((0, 0), (0, width - i.shape[1]), (0, 0)), constant_values=255) for i in images]
    write_image(path, np.concatenate(padded))
