"""The findings as two tables: regions and frames, the most suspicious first."""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from roadseg.report.regions import Region

_AT_MOST = 1000  # regions in the table

File = tuple[str, PurePath, tuple[int, int]]  # split, picture within the data, (height, width) of its file
Ranked = tuple[int, Region, float]  # place of the frame, region, suspicion


def region_rows(
    ranked: Sequence[Ranked],
    files: Sequence[File],
    checked_size: tuple[int, int],
    names: Sequence[str],
    maps: Mapping[int, str],
) -> list[dict[str, Any]]:
    """Return a row for each region in its order; boxes are in pixels of the picture's file.

    `checked_size` is the (height, width) at which frames were compared, `maps` the class maps' names by frame.
    """
    rows = []
    for rank, (place, region, score) in enumerate(ranked[:_AT_MOST], 1):
        split, image, size = files[place]
        left, top, right, bottom = _scaled(region.box, checked_size, size)
        rows.append(
            {
                **{"rank": rank, "split": split, "image": str(image)},
                **{"label": names[region.label], "predicted": names[region.predicted]},
                **{"left": left, "top": top, "right": right, "bottom": bottom},
                "share": round(region.pixels / (checked_size[0] * checked_size[1]), 6),
                **{
                    "confidence": round(region.confidence, 4),
                    "suspicion": round(score),
                    "classes": maps.get(place, ""),
                },
            }
        )
    return rows


def _scaled(
    box: tuple[int, int, int, int], checked: tuple[int, int], size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Bring a box from the size that was checked to that of the file, rounded outwards."""
    rows, columns = size[0] / checked[0], size[1] / checked[1]
    return int(box[0] * columns), int(box[1] * rows), -int(-box[2] * columns // 1), -int(-box[3] * rows // 1)


def frame_rows(ranked: Sequence[Ranked], files: Sequence[File], labelled: Sequence[int]) -> list[dict[str, Any]]:
    """Return a row for each frame that has a region: which share of its labelled pixels, and its regions' suspicion."""
    of_frame: dict[int, list[tuple[Region, float]]] = defaultdict(list)
    for place, region, score in ranked:
        of_frame[place].append((region, score))
    rows = [
        {
            **{"split": files[place][0], "image": str(files[place][1]), "regions": len(found)},
            "share": round(sum(region.pixels for region, _ in found) / labelled[place], 6),
            "suspicion": round(sum(score for _, score in found)),
        }
        for place, found in of_frame.items()
    ]
    return sorted(rows, key=lambda row: -row["suspicion"])


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as CSV, names as their bytes are."""
    table = pd.DataFrame(rows)
    table.to_csv(path, index=False, quoting=csv.QUOTE_NONNUMERIC, errors="surrogateescape")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read what `write_rows` wrote."""
    if not path.read_bytes().strip():
        return []
    texts = dict.fromkeys(("split", "image", "label", "predicted", "classes"), str)  # a class may be called nan
    table = pd.read_csv(path, keep_default_na=False, dtype=texts, encoding_errors="surrogateescape")
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
