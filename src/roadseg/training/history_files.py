"""What a training leaves of its epochs, after each of them: whole files, so that others can read them meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from lightning_fabric import Fabric

from roadseg.pipeline import paths
from roadseg.pipeline.stage import replacing, write_json
from roadseg.training.members import Row
from roadseg.training.processes import device_name
from roadseg.training.progress import Progress
from roadseg.training.signs import signs_of

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


def show_epoch(
    fabric: Fabric,
    progress: Progress,
    chance: float | None,
    class_names: Sequence[str],
    history: list[Row],
) -> None:
    """Tell of the epoch that has just ended: on disk, and in a line.

    `history` holds a row for each of its epochs. `chance` is the mIoU of guessing, None where no frames are watched.
    """
    if not fabric.is_global_zero:
        return
    write_history(history, class_names)
    last = {key: history[-1][key] for key in ("epoch", "loss", "miou")}
    write_json(paths.TRAIN, last | {"device": device_name(fabric)})
    lines = [progress.line_of(history[-1]), *signs_of(history, progress.epochs, chance)]
    print("\n".join(lines), flush=True)


def write_times(seconds: float, num_images: int) -> None:
    """Write the seconds that the training took, and the images a second."""
    images_per_second = round(num_images / seconds, 2)
    write_json(paths.TRAIN_TIMES, {"seconds": round(seconds, 1), "images_per_second": images_per_second})
