"""Reading and writing pictures and label maps, with an error of its own for each way that a file can be wrong."""

from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.headers import Picture, read_header, unreadable, without_palette
from roadseg.frames.label_form import check_form
from roadseg.frames.reading import read_bytes
from roadseg.pipeline.errors import printable

JPEG_QUALITY = 95

# label maps are large even areas: predicted from the row above they decode 3 times faster than by OpenCV's default
_ENCODING = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
    ".png": [
        *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
        *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT),
    ],
}


def read_image(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB; UserError where it can't be read."""
    name = printable(path)
    return decode_image(read_header(read_bytes(path), name), name)


def read_label(path: Path) -> np.ndarray:
    """Read a label map as (H, W) uint8; UserError where it can't be read or isn't an 8-bit grey PNG."""
    name = printable(path)
    return decode_label(read_header(read_bytes(path), name), name)


def decode_image(picture: Picture, name: str) -> np.ndarray:
    """Return a picture as (H, W, 3) uint8 RGB, as its file has it, not turned; UserError where it can't be decoded."""
    return _decode(picture, name, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)


def decode_label(picture: Picture, name: str, hint: str = "") -> np.ndarray:
    """Return a label map as (H, W) uint8; UserError where it can't be decoded or isn't an 8-bit grey PNG."""
    check_form(picture, name, hint)
    return _decode(picture, name, cv2.IMREAD_UNCHANGED)


def decode_indices(picture: Picture, name: str) -> np.ndarray:
    """Return a palette PNG's indices as (H, W) uint8; of a grey one its values. UserErrors as of `decode_label`."""
    if not picture.palette or picture.bits == 8:
        return decode_label(without_palette(picture, name), name)
    spread = _decode(without_palette(picture, name), name, cv2.IMREAD_UNCHANGED)  # 1, 2 and 4 bits over 0..255
    return spread // (255 // (2**picture.bits - 1))


def _decode(picture: Picture, name: str, flags: int) -> np.ndarray:
    # from memory: cv2.imread would turn a missing file, a directory and a broken picture into the same None
    try:
        image = cv2.imdecode(np.frombuffer(picture.data, dtype=np.uint8), flags)
    except cv2.error:
        image = None
    if image is None or image.shape[:2] != (picture.height, picture.width):
        raise unreadable(name)
    return image


def write_image(path: Path, image: np.ndarray) -> None:
    """Write (H, W) grey or (H, W, 3) RGB uint8 as the kind that the path's ending names; OSError where that fails."""
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    # through memory: cv2.imwrite hides a full disk behind a False
    _, data = cv2.imencode(path.suffix, bgr, _ENCODING[path.suffix])
    path.write_bytes(data.tobytes())
