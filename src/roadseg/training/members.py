"""Trainings that differ in their seed alone, and the mean of their weights.

Weights that were fine-tuned from the same start lie close enough to each other for their mean to be as good as their
joint prediction, at the cost of one (model soups, Wortsman et al., ICML 2022).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from roadseg.networks.mean import Mean


@dataclass(frozen=True)
class Member:
    """One training: a row for each epoch, the epoch chosen, the weights kept, and their mIoU where it is watched."""

    history: list[dict[str, Any]]
    epoch: int
    weights: dict[str, Tensor]
    miou: float | None


def soup_of(members: Sequence[Member]) -> dict[str, Tensor]:
    """Return the mean of the members' weights, as tensors of their own shapes and dtypes."""
    mean = Mean()
    for member in members:
        mean.add(member.weights)
    return mean.tensors()


def mean_history(members: Sequence[Member]) -> list[dict[str, Any]]:
    """Return a row for each epoch, with the means of the members' losses and mIoUs."""
    return [
        {"epoch": rows[0]["epoch"], "lr": rows[0]["lr"], "loss": _mean(rows, "loss"), "miou": _mean(rows, "miou")}
        for rows in zip(*(member.history for member in members), strict=True)
    ]


def chosen_row(members: Sequence[Member], miou: float | None) -> dict[str, Any]:
    """Return epoch, loss and mIoU of what is kept; `miou` is that of the mean of several.

    Of several members, epoch is the latest that one of them chose, and loss the mean over those chosen; `members` then
    lists the mIoU of each.
    """
    rows = [next(row for row in member.history if row["epoch"] == member.epoch) for member in members]
    row = {"epoch": max(member.epoch for member in members), "loss": _mean(rows, "loss"), "miou": miou}
    return row | ({"members": [member.miou for member in members]} if len(members) > 1 else {})


def _mean(rows: Sequence[dict[str, Any]], key: str) -> float | None:
    values = [row[key] for row in rows]
    return None if None in values else sum(values) / len(values)
