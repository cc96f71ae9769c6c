"""Labels in colours: a PNG of any form whose colours, as they are seen, stand for classes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from roadseg.frames.headers import Picture
from roadseg.frames.images import decode_image
from roadseg.pipeline.errors import UserError

_UNKNOWN = 254  # no class has this id
_SHOWN = 5  # colours that a message names
_AT_A_TIME = 2**22  # pixels


@dataclass(frozen=True)
class Colors:
    """What the colours in a label file mean."""

    class_ids: np.ndarray  # (2**24,) uint8: the class of each colour, R first; 255 for none, 254 if it may not occur
    allowed: str  # the same in words, with the remedy


def colors_of(meanings: Mapping[tuple[int, int, int], int], allowed: str) -> Colors:
    """Return the meaning of labels from the class id, or 255, of each colour."""
    class_ids = np.full(2**24, _UNKNOWN, dtype=np.uint8)
    for (red, green, blue), class_id in meanings.items():
        class_ids[red << 16 | green << 8 | blue] = class_id
    return Colors(class_ids, allowed)


def ids_of_colors(picture: Picture, colors: Colors, name: str) -> np.ndarray:
    """Return a label in colours as (H, W) uint8 class ids; UserError where it holds others or can't be decoded.

    Grey values are colours of three equal parts, a palette's colours count and not its indices, and what is
    transparent has the colour that it hides.
    """
    if picture.kind != "PNG":
        raise UserError(f"{name} is a {picture.kind}, which alters colours; save it as a PNG")
    if picture.bits == 16:
        raise UserError(f"{name} has 16 bits a channel; save it with 8")
    rgb = decode_image(picture, name)  # (H, W, 3)
    class_ids, unknown = np.empty(rgb.shape[:2], dtype=np.uint8), set[int]()
    rows = max(1, _AT_A_TIME // rgb.shape[1])
    for top in range(0, len(rgb), rows):
        strip = rgb[top : top + rows].astype(np.uint32)
        codes = strip[..., 0] << 16 | strip[..., 1] << 8 | strip[..., 2]
        found = class_ids[top : top + rows] = np.take(colors.class_ids, codes)
        unknown.update(np.unique(codes[found == _UNKNOWN]).tolist())
    if unknown:
        shown = [" ".join(str(code >> bits & 255) for bits in (16, 8, 0)) for code in sorted(unknown)[:_SHOWN]]
        more = f" and {len(unknown) - _SHOWN} more colours" if len(unknown) > _SHOWN else ""
        raise UserError(f"{name} holds {', '.join(shown)}{more}; {colors.allowed}")
    return class_ids
