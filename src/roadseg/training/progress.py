"""How a training is going: a bar in an epoch, a line after it, notes where it goes wrong, and the history on disk."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from lightning_fabric import Fabric
from tqdm import tqdm

from roadseg.frames.batches import Batch, Batches
from roadseg.pipeline.errors import Stopped
from roadseg.pipeline.stage import replacing

_COLUMNS = ["epoch", "lr", "loss", "val_loss", "miou"]
_GROWTH = 2.0  # of the loss, against its lowest so far
_SHARE = 0.25  # of all epochs, at chance
_ABOVE_CHANCE = 0.1  # that the classes' IoUs together have: random weights hit a bit of each class


def batches_with_bar(fabric: Fabric, batches: Batches, asked: list[int], epoch: int, first: int) -> Iterator[Batch]:
    """Yield the batches of an epoch from number `first` on, under a bar where there is a terminal.

    Raises Stopped before a batch where a signal has been `asked` for, so that a later run can go on from there.
    """
    hidden = None if fabric.is_global_zero else True  # None: where there is no terminal
    of_epoch = batches.of_epoch(epoch, first)
    for batch in tqdm(of_epoch, f"epoch {epoch}", len(batches), leave=False, disable=hidden, initial=first):
        if asked:
            raise Stopped(asked[0], f"in epoch {epoch}; the next run goes on from there")
        yield batch


class Progress:
    """What is printed after each epoch of a training.

    `chance` is the mIoU of a map that is of one class everywhere; None where the validation set is empty.
    """

    def __init__(self, epochs: int, chance: float | None, clock: Callable[[], float] = time.perf_counter) -> None:
        """`clock` gives seconds. The time starts now."""
        self.epochs, self.chance, self.clock = epochs, chance, clock
        self.began = self.last = clock()
        self.done = 0  # epochs in this process; a training that went on has had others before

    def lines_of(self, history: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the line of the epoch that has just ended, the last row, and the notes on it, each once a training."""
        notes = (_note_of_loss(history), _note_of_chance(history, self.epochs, self.chance))
        return [self.line_of(history[-1]), *filter(None, notes)]

    def line_of(self, row: Mapping[str, Any]) -> str:
        """Return the line of an epoch that has just ended.

        The time left is that of as many epochs as are to come, each as long as those so far in this process.
        """
        now = self.clock()
        seconds, self.last, self.done = now - self.last, now, self.done + 1
        to_come = self.epochs - row["epoch"]
        left = timedelta(seconds=round(to_come * (now - self.began) / self.done))
        return f"{figures_of(row)}  {seconds:.1f} s{f', {left} left' if to_come > 0 else ''}"


def figures_of(row: Mapping[str, Any]) -> str:
    """Return the figures of an epoch in words; number 0 has no loss of its own."""
    parts = [f"epoch {row['epoch']:3d}"]
    parts.append(f"lr {row['lr']:.2e}  loss {row['loss']:.4f}" if row["epoch"] else "the weights as they are")
    if row["miou"] is not None:
        parts.append(f"val loss {row['val_loss']:.4f}  mIoU {row['miou']:.4f}")
    return "  ".join(parts)


def _note_of_loss(history: Sequence[Mapping[str, Any]]) -> str | None:
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


def _note_of_chance(history: Sequence[Mapping[str, Any]], epochs: int, chance: float | None) -> str | None:
    needed = max(2, math.ceil(_SHARE * epochs))
    if chance is None or epochs == 0 or len(history) < needed:
        return None
    low = [row["miou"] <= chance + _ABOVE_CHANCE / len(row["iou"]) for row in history]
    if not all(low[-needed:]) or any(all(low[end - needed : end]) for end in range(needed, len(low))):
        return None
    return (
        f"note: for {needed} epochs the mIoU has been about {chance:.4f} or less, as if one class were everywhere; "
        "look at the labels, or try another train.lr or pretrained weights"
    )


def write_history(rows: Sequence[Mapping[str, Any]], class_names: Sequence[str], path: Path, by_class: Path) -> None:
    """Write a row for each epoch, and in a file of its own one for each epoch and class.

    A row holds the columns, and `iou`: the IoU of each class, or None where the validation set is empty.
    """
    of_classes = [
        {"epoch": row["epoch"], "class": name, "iou": iou}
        for row in rows
        for name, iou in zip(class_names, row["iou"] or [], strict=bool(row["iou"]))
    ]
    tables = {
        path: pd.DataFrame(list(rows), columns=_COLUMNS),
        by_class: pd.DataFrame(of_classes, columns=["epoch", "class", "iou"]),
    }
    for file, table in tables.items():
        with replacing(file) as temporary:
            table.to_csv(temporary, index=False)
