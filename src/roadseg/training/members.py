"""Trainings that differ in their seed alone, and the mean of their weights.

Weights that were fine-tuned from the same start lie close enough to each other for their mean to be as good as their
joint prediction, at the cost of one (model soups, Wortsman et al., ICML 2022).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

from torch import Tensor

from roadseg.networks.mean import Mean

Row: TypeAlias = dict[str, Any]  # of an epoch: epoch, lr, loss, val_loss, miou, iou (K)


@dataclass(frozen=True)
class Member:
    """One training: a row for each epoch, the epoch chosen, the weights kept, and their mIoU where it is watched.

    `early` are weights that know no wrong labels by heart yet, see `course.is_early`.
    """

    history: list[Row]
    epoch: int
    weights: dict[str, Tensor]
    miou: float | None
    early: dict[str, Tensor]


def soup_of(networks: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of several members' weights, of any shapes and dtypes, which it has too."""
    mean = Mean()
    for weights in networks:
        mean.add(weights)
    return mean.tensors()


def mean_history(histories: Sequence[Sequence[Row]]) -> list[Row]:
    """Return a row for each epoch: its number and learning rate, and the means over the members that have had it."""
    return [_mean_row([row for row in rows if row]) for rows in zip_longest(*histories)]


def _mean_row(rows: Sequence[Row]) -> Row:
    means = {key: _mean([row[key] for row in rows]) for key in ("loss", "val_loss", "miou")}
    by_class = [row["iou"] for row in rows]
    iou = None if None in by_class else [_mean(values) for values in zip(*by_class, strict=True)]
    return {"epoch": rows[0]["epoch"], "lr": rows[0]["lr"]} | means | {"iou": iou}


def chosen_row(members: Sequence[Member], miou: float | None) -> Row:
    """Return epoch, loss and mIoU of what is kept; `miou` is that of the mean of several.

    Of several members, epoch is the latest that one of them chose, and loss the mean over those chosen; `members` then
    lists the mIoU of each.
    """
    rows = [next(row for row in member.history if row["epoch"] == member.epoch) for member in members]
    row = {"epoch": max(member.epoch for member in members), "loss": _mean([row["loss"] for row in rows]), "miou": miou}
    return row | ({"members": [member.miou for member in members]} if len(members) > 1 else {})


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
