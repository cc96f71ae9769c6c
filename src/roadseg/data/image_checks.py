"""Check an image file, so that what the later stages read from it is what was meant."""

import numpy as np

from roadseg.frames.headers import Picture
from roadseg.frames.images import decode_image
from roadseg.pipeline.errors import UserError


def checked_image(picture: Picture, name: str) -> np.ndarray:
    """Return an image as (H, W, 3) uint8 RGB; a UserError says what is wrong with it."""
    if picture.kind == "PNG" and picture.bits == 16:
        raise UserError(f"{name} has 16 bits a channel; save it with 8")
    if picture.turned:
        # some readers turn it and others don't: whether the label fits must not depend on the reader
        raise UserError(f"{name} is to be turned when shown (its EXIF data says so); save it upright")
    return decode_image(picture, name)
