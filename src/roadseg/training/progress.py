"""How a training goes, as it is told: a bar in an epoch, and a line of it: its figures, seconds and the time left."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from lightning_fabric import Fabric
from tqdm import tqdm

from roadseg.frames.batches import Batch, Batches
from roadseg.pipeline.errors import Stopped
from roadseg.training.members import Row


class Progress:
    """Tells how a training of so many epochs goes."""

    def __init__(self, epochs: int, clock: Callable[[], float] = time.perf_counter) -> None:
        """`clock` gives seconds. The time starts now."""
        self.epochs, self.clock = epochs, clock
        self.began = self.last = clock()
        self.done = 0  # epochs in this process; a training that went on has had others before

    def line_of(self, row: Row) -> str:
        """Return the line of an epoch that has just ended.

        The time left is that of as many epochs as are to come, each as long as those so far in this process.
        """
        now = self.clock()
        seconds, self.last, self.done = now - self.last, now, self.done + 1
        to_come = self.epochs - row["epoch"]
        left = timedelta(seconds=round(to_come * (now - self.began) / self.done))
        time_left = f", {left} left" if to_come > 0 else ""
        return f"{figures_of(row)}  {seconds:.1f} s{time_left}"


def figures_of(row: Row) -> str:
    """Return the figures of an epoch in words; number 0 has no loss of its own."""
    parts = [f"epoch {row['epoch']:3d}"]
    parts.append(f"lr {row['lr']:.2e}  loss {row['loss']:.4f}" if row["epoch"] else "the weights as they are")
    if row["miou"] is not None:
        parts.append(f"val loss {row['val_loss']:.4f}  mIoU {row['miou']:.4f}")
    return "  ".join(parts)


def with_progress(fabric: Fabric, batches: Batches, asked: list[int], epoch: int, first: int) -> Iterator[Batch]:
    """Yield the batches of an epoch from number `first` on, under a bar where there is a terminal.

    Raises Stopped before a batch where a signal has been `asked` for, so that a later run can go on from there.
    """
    hidden = None if fabric.is_global_zero else True  # None: where there is no terminal
    of_epoch = batches.of_epoch(epoch, first)
    for batch in tqdm(of_epoch, f"epoch {epoch}", len(batches), leave=False, disable=hidden, initial=first):
        if asked:
            raise Stopped(asked[0], f"in epoch {epoch}; the next run goes on from there")
        yield batch
