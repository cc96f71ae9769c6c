"""What a label file may be and hold.

As the stages keep them, labels are 8-bit grey PNGs of class ids. Where they come from they may be that too, grey PNGs
of other values or palette PNGs, whose indices count; labels in colours are in `colors.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from roadseg.frames.classes import IGNORE_INDEX, NAMES
from roadseg.frames.headers import Picture
from roadseg.pipeline.errors import UserError

_SHOWN = 5  # values that a message names


@dataclass(frozen=True)
class Values:
    """What the values in a label file mean."""

    train_ids: np.ndarray  # (256,) int16: the train id of each value, -1 where the value may not occur
    allowed: str  # the same in words, with the remedy
    indices: bool = False  # whether a palette PNG may hold them as its indices
    hint: str = ""  # what else a user may do about a file of another form


def plain_ids(num_classes: int) -> Values:
    """Return the meaning of labels that hold the ids of so many classes, and 255."""
    table = np.full(256, -1, dtype=np.int16)
    table[:num_classes] = np.arange(num_classes)
    table[IGNORE_INDEX] = IGNORE_INDEX
    return Values(table, f"save train ids: 0..{num_classes - 1}, and {IGNORE_INDEX} for pixels without a class")


TRAIN_IDS = plain_ids(len(NAMES))


def check_form(picture: Picture, name: str, hint: str = "") -> None:
    """Raise a UserError where a picture can't be a label: it is no PNG, has colours, or more or fewer than 8 bits."""
    if picture.kind != "PNG":
        raise UserError(f"{name} is a {picture.kind}, which alters values; save train ids as a grey PNG")
    if picture.palette:
        raise UserError(f"{name} is a palette PNG; save train ids as grey values{hint}")
    if picture.channels != 1:
        raise UserError(f"{name} has {picture.channels} channels; save train ids as one grey channel{hint}")
    if picture.bits != 8:
        raise UserError(f"{name} has {picture.bits} bits a pixel; save train ids with 8")


def check_values(present: Collection[int], values: Values, name: str) -> None:
    """Raise a UserError where a label holds values that may not occur in it."""
    if unknown := sorted(value for value in present if values.train_ids[value] < 0):
        more = f" and {len(unknown) - _SHOWN} more values" if len(unknown) > _SHOWN else ""
        raise UserError(f"{name} holds {', '.join(map(str, unknown[:_SHOWN]))}{more}; {values.allowed}")


def check_no_masks(present: Collection[int], where: str, names: Sequence[str] = NAMES) -> None:
    """Raise a UserError where all labels together hold 0 and 255 alone, as black and white masks do.

    0 would be taken for the first class (road) and 255 for unknown, which is the opposite of what a white road means.
    """
    if set(present) == {0, IGNORE_INDEX}:
        raise UserError(
            f"{where}: all labels hold 0 and {IGNORE_INDEX} alone, where 0 means {names[0]} and {IGNORE_INDEX} "
            f"unknown; if they are black and white masks, choose classes: binary_road; if not, save "
            f"{IGNORE_INDEX} only where nothing is known, and the other classes as 1..{len(names) - 1}"
        )
