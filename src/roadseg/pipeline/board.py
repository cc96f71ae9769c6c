"""The curves of a training for TensorBoard, on request: files beside the outputs, which DVC doesn't know of."""

import os
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from roadseg.pipeline.errors import UserError


def check_board() -> None:
    """Raise UserError, with what to install, where the package that `train.tensorboard` needs is missing."""
    if find_spec("tensorboard") is None:
        raise UserError(
            "train.tensorboard is true, but the package tensorboard is not installed; "
            "run `pip install -r requirements-tensorboard.txt`, or set train.tensorboard to false"
        )


def board_folder() -> Path:
    """Return where this training's files go: under runs/ of the project, by the experiment's name or the time.

    DVC names the project to an experiment that runs in a folder of its own.
    """
    name = os.environ.get("DVC_EXP_NAME") or time.strftime("%Y-%m-%d_%H-%M-%S")
    return Path(os.environ.get("DVC_ROOT") or ".", "runs", name)


class Board:
    """Writes the rows of a training's history as they come; each member has a folder of its own in `folder`."""

    def __init__(self, folder: Path, class_names: Sequence[str]) -> None:
        self.folder, self.class_names = folder, class_names
        self._writers: dict[int, Any] = {}

    def show(self, history: Sequence[Mapping[str, Any]], member: int) -> None:
        """Write the last row of a member's history, and at first those before it, of a training that has gone on."""
        from torch.utils.tensorboard import SummaryWriter

        rows = history[-1:]
        if member not in self._writers:
            self._writers[member], rows = SummaryWriter(str(self.folder / f"member-{member + 1}")), history
        for row in rows:
            for name, value in scalars_of(row, self.class_names).items():
                self._writers[member].add_scalar(name, value, row["epoch"])
        self._writers[member].flush()


def scalars_of(row: Mapping[str, Any], class_names: Sequence[str]) -> dict[str, float]:
    """Return the figures of an epoch by the names that group them; those that it has not are left out."""
    figures = {"loss/training": row["loss"], "loss/watched": row["val_loss"], "miou": row["miou"], "lr": row["lr"]}
    by_class = zip(class_names, row["iou"], strict=True) if row["iou"] else ()
    figures |= {f"iou/{name}": value for name, value in by_class}
    return {name: value for name, value in figures.items() if value is not None}
