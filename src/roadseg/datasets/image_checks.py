"""Check the bytes of an image or label file, so that what the later stages read is what was meant."""

import io

import numpy as np
from PIL import Image

from roadseg.errors import UserError

_EXIF_ORIENTATION = 0x0112


def image_size(data: bytes, name: str) -> tuple[int, int]:
    """Decode an image completely and return its (height, width); a UserError says what is wrong with it."""
    image = _decode(data, name)
    if image.format == "PNG" and _png_depth(data) == 16:
        raise UserError(f"{name} has 16 bits a channel; save it with 8")
    if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        # OpenCV would turn it and others would not: whether the label fits must not depend on the reader
        raise UserError(f"{name} is to be turned when shown (its EXIF data says so); save it upright")
    return image.height, image.width


def label_values(data: bytes, name: str) -> np.ndarray:
    """Decode a grey 8-bit PNG: (H, W) uint8, the values as they are in the file; a UserError says what is wrong."""
    label = _decode(data, name)
    if label.format != "PNG":
        raise UserError(f"{name} is a {label.format}, which alters values; save train ids as a grey PNG")
    if label.mode == "P":
        raise UserError(f"{name} is a palette PNG; save train ids as grey values")
    if len(label.getbands()) != 1:
        raise UserError(f"{name} has {len(label.getbands())} channels; save train ids as one grey channel")
    if _png_depth(data) != 8:
        raise UserError(f"{name} has {_png_depth(data)} bits a pixel; save train ids with 8")
    return np.asarray(label)


def _decode(data: bytes, name: str) -> Image.Image:
    """Decode all of a file. By Pillow: it sees checksums and short files as OpenCV does, but keeps stderr clean."""
    try:
        Image.open(io.BytesIO(data), formats=("PNG", "JPEG")).verify()
        image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
        image.load()
    except Exception:  # its decoders raise OSError, SyntaxError, ValueError, struct.error and more
        raise UserError(f"{name} is not a readable PNG or JPEG; replace it, or remove it and its partner") from None
    return image


def _png_depth(data: bytes) -> int:
    return data[24]  # the header: 8 bytes signature, 8 chunk, 4 width, 4 height, 1 bit depth
