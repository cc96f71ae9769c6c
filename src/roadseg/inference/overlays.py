"""What is written of a picture: its class map, its colours, and the picture with the colours laid over it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path, PurePath

import cv2
import numpy as np

from roadseg.frames.images import write_image


def picture_paths(out: Path, name: PurePath) -> list[Path]:
    """Return where in `out` the class map, the colours and the overlay of a picture go."""
    return [
        out / folder / f"{name}{ending}"
        for folder, ending in (("grey", ".png"), ("color", ".png"), ("overlay", ".jpg"))
    ]


def write_pictures(
    paths: Sequence[Path],
    image: np.ndarray,
    classes: np.ndarray,
    colours: np.ndarray,
    strength: float,
    replacing: Callable[[Path], AbstractContextManager[Path]],
) -> None:
    """Write the class map, (H, W), its colours and the overlay over the image, (H, W, 3) RGB, all uint8.

    `replacing` gives each file a temporary name until it is whole.
    """
    for path, picture in zip(paths, (classes, colours, overlay(image, colours, strength)), strict=True):
        with replacing(path) as temporary:
            write_image(temporary, picture)


def overlay(image: np.ndarray, colours: np.ndarray, strength: float) -> np.ndarray:
    """Lay colours over a picture, both (H, W, 3) uint8; at strength 0 the picture is left, at 1 the colours."""
    return cv2.addWeighted(image, 1 - strength, colours, strength, 0)
