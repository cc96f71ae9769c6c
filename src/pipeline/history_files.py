"""What a training leaves of its epochs, after each of them: whole files, so that others can read them meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline import paths
from pipeline.stage import replacing

_COLUMNS = ["epoch", "lr", "loss", "val_loss", "miou"]


def write_history(rows: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> None:
    """Write a row for each epoch, and in a file of its own one for each epoch and class.

    A row holds the columns, and `iou`: the IoU of each class, or None where no frames are watched.
    """
    by_class = [
        {"epoch": row["epoch"], "class": name, "iou": iou}
        for row in rows
        for name, iou in zip(class_names, row["iou"] or [], strict=bool(row["iou"]))
    ]
    for path, table in (
        (paths.TRAIN_HISTORY, pd.DataFrame(list(rows), columns=_COLUMNS)),
        (paths.TRAIN_IOU, pd.DataFrame(by_class, columns=["epoch", "class", "iou"])),
    ):
        with replacing(path) as temporary:
            table.to_csv(temporary, index=False)
