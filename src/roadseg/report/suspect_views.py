"""Places where the network is sure and the label says otherwise, as a page shows them: cut out, with some of what is
around them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from roadseg.frames.classes import ClassSet, colorize
from roadseg.frames.images import read_image, read_label
from roadseg.report.embedded import webp
from roadseg.report.frame_picture import shrink_image, shrink_label

_AROUND = 0.6  # of the place's longer side, on each side of it
_LEAST = 32  # pixels on each side of it
_LONGEST = 420  # pixels of a cutting's longer side


def suspect_view(row: Mapping[str, Any], image: Path, label: Path, seen: Path, classes: ClassSet) -> dict[str, Any]:
    """Return what a page shows of a row of regions.csv, from the frame's picture, its label and what the network sees.

    Raises UserError where one of the files can't be read.
    """
    true, best = read_label(label), read_label(seen)
    best = cv2.resize(best, true.shape[::-1], interpolation=cv2.INTER_NEAREST)
    rows, columns = surroundings(row["left"], row["top"], row["right"], row["bottom"], *true.shape)
    true, best = true[rows, columns], best[rows, columns]
    label_id = classes.names.index(row["label"])
    inside = (true == label_id) & (best != label_id)
    inside &= within(row["left"], row["top"], row["right"], row["bottom"], rows, columns)  # another place has its card
    picture = outlined(read_image(image)[rows, columns], inside)
    maps = {"label": colorize(shrink_label(true, _LONGEST), classes)}
    maps["network"] = colorize(shrink_label(best, _LONGEST), classes)
    layers = {"picture": webp(shrink_image(picture, _LONGEST))}
    layers |= {name: webp(painted, lossless=True) for name, painted in maps.items()}
    known = ("rank", "split", "image", "label", "predicted")
    words = f"{100 * row['confidence']:.0f} % sure, {100 * row['share']:.2f} % of the frame"
    return {name: row[name] for name in known} | {"words": words, "layers": layers}


def surroundings(left: int, top: int, right: int, bottom: int, height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns to show of a frame of that size around a box in it.

    >>> surroundings(200, 100, 300, 150, 375, 1242)
    (slice(40, 210, None), slice(140, 360, None))
    """
    around = max(_LEAST, round(_AROUND * max(right - left, bottom - top)))
    rows = slice(max(0, top - around), min(height, bottom + around))
    return rows, slice(max(0, left - around), min(width, right + around))


def within(left: int, top: int, right: int, bottom: int, rows: slice, columns: slice) -> np.ndarray:
    """Return which pixels of a cutting, those rows and columns of a frame, are in a box of that frame, (h, w) bool."""
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=bool)
    inside[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start] = True
    return inside


def outlined(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Draw a line around what is `inside`, (H, W) bool, on a picture (H, W, 3) uint8: white between two black ones."""
    edges, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    drawn = image.copy()
    for color, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.drawContours(drawn, edges, -1, color, thickness)
    return drawn
