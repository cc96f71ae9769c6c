"""What becomes of one training."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

Row: TypeAlias = dict[str, Any]  # of an epoch: epoch, lr, loss, val_loss, miou, iou (K)


@dataclass(frozen=True)
class Member:
    """One training: a row for each epoch, the epoch chosen, its weights, and their mIoU where it is measured.

    `early` are weights that know no wrong labels by heart yet, see `course.is_early`.
    """

    history: list[Row]
    epoch: int
    weights: dict[str, Tensor]
    miou: float | None
    early: dict[str, Tensor]

    @property
    def chosen_row(self) -> Row:
        """Epoch, loss and mIoU of what is kept."""
        row = next(row for row in self.history if row["epoch"] == self.epoch)
        return {"epoch": self.epoch, "loss": row["loss"], "miou": self.miou}
