"""The data of a run as a page shows them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from roadseg.frames.classes import ClassSet, colorize
from roadseg.frames.images import read_image, read_label
from roadseg.report.embedded import webp
from roadseg.report.frame_picture import shrink_image, shrink_label
from roadseg.report.frame_views import legend

_LONGEST = 640  # pixels of a frame's longer side
_FEW = 10  # frames that hold a class


def data_view(survey: Mapping[str, Any], folder: Path, classes: ClassSet) -> dict[str, Any]:
    """Return what a page shows of a survey of the data in `folder`; UserError where a frame can't be read.

    `survey` has the rows `splits`, `classes`, `sizes` and `twins`, and `shown`, the frames to show: each has its
    `split` and, as `frame`, its path in there.
    """
    with ThreadPoolExecutor() as pool:
        views = list(pool.map(lambda row: _labelled(folder, row, classes), survey["shown"]))
    return {**survey, "legend": legend(classes), "shown": views, "sentence": sentence(survey)}


def _labelled(folder: Path, row: Mapping[str, str], classes: ClassSet) -> dict[str, Any]:
    image = folder / row["frame"]
    label = shrink_label(read_label(image.parents[1] / "label" / f"{image.stem}.png"), _LONGEST)
    picture = webp(shrink_image(read_image(image), _LONGEST))
    layers = {"picture": picture, "label": webp(colorize(label, classes), lossless=True)}
    return {"name": row["frame"], "split": row["split"], "layers": layers}


def sentence(survey: Mapping[str, Any]) -> str:
    """Say which classes a reader should worry about: those that one split lacks, or that few frames hold."""
    total = survey["splits"][0]["frames"] if survey["splits"] else 0  # where that is few itself, all classes are
    rare = [row for row in survey["classes"] if 0 < row["frames"][0] < _FEW <= total]
    few = [f"{row['class']} ({row['frames'][0]})" for row in rare]
    absent = [
        f"{row['class']} ({', '.join(_without(row, survey['splits']))})"
        for row in survey["classes"]
        if not all(row["frames"])
    ]
    first = survey["splits"][0]["split"] if survey["splits"] else ""
    return " ".join(
        [
            f"In no frame of a split: {'; '.join(absent)}." if absent else "Each class occurs in each split.",
            *([f"In fewer than {_FEW} frames of {first}: {', '.join(few)}."] if few else []),
        ]
    )


def _without(row: Mapping[str, Any], splits: Sequence[Mapping[str, Any]]) -> list[str]:
    return [split["split"] for split, frames in zip(splits, row["frames"], strict=True) if not frames]
