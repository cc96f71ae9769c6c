"""Signs that a training goes wrong, told while it runs: notes, not errors, each once a training."""

import math
from collections.abc import Sequence

from roadseg.training.members import Row

_GROWTH = 2.0  # of the loss, against its lowest so far
_SHARE = 0.25  # of all epochs, at chance
_BEYOND = 0.1  # that the classes' IoUs together have beyond chance: random weights hit a bit of each class


def signs_of(history: Sequence[Row], epochs: int, chance: float | None) -> list[str]:
    """Return what is to be told after the last of the rows, of a training of so many epochs.

    `chance` is the mIoU of a map that is of one class everywhere; None where no frames are watched.
    """
    return [line for line in (_doubled(history), _at_chance(history, epochs, chance)) if line]


def _doubled(history: Sequence[Row]) -> str | None:
    losses = [row["loss"] for row in history]
    if None in losses:  # no epoch was trained
        return None
    grown = [i for i in range(1, len(losses)) if losses[i] > _GROWTH * min(losses[:i])]
    if grown != [len(losses) - 1]:
        return None
    best = min(history[:-1], key=lambda row: row["loss"])
    return (
        f"note: the loss has more than doubled, from {best['loss']:.4f} in epoch {best['epoch']} to {losses[-1]:.4f}; "
        "if it doesn't come down again, lower train.lr or set train.clip"
    )


def _at_chance(history: Sequence[Row], epochs: int, chance: float | None) -> str | None:
    needed = max(2, math.ceil(_SHARE * epochs))
    if chance is None or epochs == 0 or len(history) < needed:
        return None
    low = [row["miou"] <= chance + _BEYOND / len(row["iou"]) for row in history]
    if not all(low[-needed:]) or any(all(low[end - needed : end]) for end in range(needed, len(low))):
        return None
    return (
        f"note: for {needed} epochs the mIoU has been about {chance:.4f} or less, as if one class were everywhere; "
        "look at the labels, or try another train.lr or pretrained weights"
    )
