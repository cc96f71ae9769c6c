"""One picture of any common kind, upright as it is shown."""

from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.headers import is_checked_kind, read_header
from roadseg.frames.images import decode_image, read_bytes
from roadseg.pipeline.errors import printable


def read_picture(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, turned as its EXIF data asks; UserError where it can't be read.

    PNG and JPEG are read as the stages read them; other kinds are left to OpenCV.
    """
    name, data = printable(path), read_bytes(path)
    if not is_checked_kind(data) and (image := _decoded(data)) is not None:
        return image
    picture = read_header(data, name)
    if picture.kind == "JPEG" and picture.turned and (image := _decoded(data)) is not None:
        return image
    return decode_image(picture, name)


def _decoded(data: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # of an empty file, too
        return None
