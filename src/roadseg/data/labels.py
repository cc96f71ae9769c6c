"""From what a label file holds to class ids: grey values, the indices of a palette, or colours as they are seen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from roadseg.data.class_sets import OWN, LabelRule, Rgb, shown_value
from roadseg.frames.classes import IGNORE_INDEX, TRAIN_ID_OF_LABEL_ID
from roadseg.frames.headers import Picture, read_header
from roadseg.frames.images import Values, check_values, decode_image, decode_indices, decode_label, plain_ids
from roadseg.pipeline.errors import UserError

_KNOWN_SHOWN, _UNKNOWN_SHOWN = 12, 5  # values that a message names
_UNKNOWN = 254  # no class has this id
_AT_A_TIME = 2**22  # pixels
_LAST_LABEL_ID = 33


@dataclass(frozen=True)
class Colors:
    """What the colours in a label file mean."""

    class_ids: np.ndarray  # (2**24,) uint8: the class of each colour, R first; 255 for none, 254 if it may not occur
    allowed: str  # the same in words, with the remedy


def values_of(rule: LabelRule) -> Values | Colors:
    """Return the meaning of what a label may hold, by the rule."""
    row = "the file that class_file names" if rule.name == OWN else f"{rule.name} in conf/classes.yaml"
    where = f"add what it means to {row}, to a class or to ignore"
    if rule.labels == "colors":
        return colors_of(rule.colors, f"{rule.name} knows {_some(list(rule.colors))}: {where}")
    indices, hint = rule.labels == "palette", ", or choose classes whose labels are colors or palette"
    plain = plain_ids(len(rule.classes))
    if rule.values == {i: i for i in (*range(len(rule.classes)), IGNORE_INDEX)}:
        return replace(plain, indices=indices, hint=hint)
    table = np.full(256, -1, dtype=np.int16)
    table[list(rule.values)] = list(rule.values.values())
    return Values(table, f"{rule.name} knows {_some(sorted(rule.values))}: {where}", indices, hint)


def label_id_values(source: str, remedy: str) -> Values:
    """Return the meaning of Cityscapes label ids, which KITTI has, too: 0..33, and 255 for -1, in 8 bits."""
    table = np.full(256, -1, dtype=np.int16)
    table[: _LAST_LABEL_ID + 1] = TRAIN_ID_OF_LABEL_ID[: _LAST_LABEL_ID + 1]
    table[255] = IGNORE_INDEX  # the licence plate
    return Values(table, f"a {source} label holds ids 0..{_LAST_LABEL_ID} or 255: {remedy}")


def colors_of(meanings: Mapping[Rgb, int], allowed: str) -> Colors:
    """Return the meaning of labels from the class id, or 255, of each colour."""
    class_ids = np.full(2**24, _UNKNOWN, dtype=np.uint8)
    for (red, green, blue), class_id in meanings.items():
        class_ids[red << 16 | green << 8 | blue] = class_id
    return Colors(class_ids, allowed)


def _some(known: Sequence[int | Rgb]) -> str:
    more = f" and {len(known) - _KNOWN_SHOWN} more" if len(known) > _KNOWN_SHOWN else ""
    return ", ".join(map(shown_value, known[:_KNOWN_SHOWN])) + more


def class_ids_of(content: bytes, name: str, values: Values | Colors, size: tuple[int, int]) -> np.ndarray:
    """Return a label file as class ids, (H, W) uint8, of a picture of that size; UserError where anything is wrong."""
    picture = read_header(content, name)
    if (picture.height, picture.width) != size and picture.kind == "PNG":
        height, width = picture.height, picture.width
        raise UserError(f"{name} is {height}x{width}, but its image {size[0]}x{size[1]}; make them the same size")
    if isinstance(values, Colors):
        return ids_of_colors(picture, values, name)
    label = decode_indices(picture, name) if values.indices else decode_label(picture, name, values.hint)
    check_values(values_in(label), values, name)
    return cv2.LUT(label, values.train_ids.astype(np.uint8))


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
        shown = [" ".join(str(code >> bits & 255) for bits in (16, 8, 0)) for code in sorted(unknown)[:_UNKNOWN_SHOWN]]
        more = f" and {len(unknown) - _UNKNOWN_SHOWN} more colours" if len(unknown) > _UNKNOWN_SHOWN else ""
        raise UserError(f"{name} holds {', '.join(shown)}{more}; {colors.allowed}")
    return class_ids


def values_in(label: np.ndarray) -> Collection[int]:
    """Return which values occur in an (H, W) uint8 label."""
    return [int(value) for value in np.flatnonzero(cv2.calcHist([label], [0], None, [256], [0, 256]))]
