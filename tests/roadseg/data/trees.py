"""Trees of small frames and labels, as people have them."""

import io
from pathlib import Path

import numpy as np
from conftest import write_picture
from PIL import Image


def write_frame(path: Path, number: int, size: tuple[int, int] = (16, 24)) -> None:
    """Write a picture that is like no other: noise by its number."""
    write_picture(path, np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8))


def write_colors(path: Path, rgb: np.ndarray) -> None:
    """Write a label in colours, (H, W, 3) uint8 RGB."""
    write_picture(path, np.ascontiguousarray(rgb[..., ::-1]))


def palette_png(indices: np.ndarray, palette: list[tuple[int, int, int]], bits: int = 8) -> bytes:
    """Return a palette PNG of indices (H, W) by another library than the one that reads it."""
    image = Image.fromarray(indices.astype(np.uint8))
    image.putpalette(bytes(np.array(palette, np.uint8).ravel()))
    stream = io.BytesIO()
    image.save(stream, "PNG", bits=bits)
    return stream.getvalue()


def write_split(folder: Path, images: str, labels: str, stems: list[str], first: int, suffix: str = "") -> None:
    """Write frames and labels of value 1 with a pixel of 0 into two folders; numbers count from `first`."""
    for number, stem in enumerate(stems, first):
        write_frame(folder / images / f"{stem}.png", number)
        label = np.ones((16, 24), np.uint8)
        label[0, 0] = 0
        write_picture(folder / labels / f"{stem}{suffix}.png", label)
