"""What a page shows besides facts: the test frames, the confusion matrix, labels in doubt, the data."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from roadseg.frames.classes import ClassSet, colorize
from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_image, read_label
from roadseg.report import narrative
from roadseg.report.frames import frame_layers, shrink_image, shrink_label, webp
from roadseg.scoring.metrics import FrameScore, score_frames, worst_first

_LONGEST, _FULL_SIZE = 1280, 64  # pixels of a test frame's long side, for up to so many frames in a page
_LONGEST_OF_DATA, _LONGEST_CUTTING = 640, 420  # the same of a frame with its label, of a place that is cut out
_MOST_CLASSES = 40  # of more, the confusion matrix is no table: its cells would be too small, and too many
_SHOWN_PERCENT, _DARK_PERCENT = 1.0, 55  # from which a cell shows its figure, and asks for white text
_AROUND, _LEAST_AROUND = 0.6, 32  # what is shown around a place: a share of its longer side, and pixels

Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are the first pixels outside


def legend(classes: ClassSet) -> list[tuple[str, str]]:
    """Return each class's colour, as a page names it, and its name."""
    return [(f"#{r:02x}{g:02x}{b:02x}", name) for (r, g, b), name in zip(classes.colors, classes.names, strict=True)]


# --- test frames


def frames_view(files: Sequence[FrameFiles], preds: Sequence[Path], classes: ClassSet, most: int) -> dict[str, Any]:
    """Return the test frames, worst first and at most `most`; UserError where one of the files can't be read."""
    scores = score_frames([(pred, file.label) for pred, file in zip(preds, files, strict=True)], len(classes))
    shown = worst_first(scores)[:most]
    longest = longest_side(len(shown))

    def view(i: int) -> dict[str, Any]:
        layers = frame_layers(files[i], preds[i], classes, longest)
        pixels = {name: " ".join(map(str, getattr(scores[i], name))) for name in ("missed", "truth")}  # by class
        return {"name": files[i].label.stem, "words": in_words(scores[i], classes.names), **pixels, "layers": layers}

    with ThreadPoolExecutor() as pool:
        views = list(tqdm(pool.map(view, shown), "frames", len(shown), leave=False, disable=None))
    sentence = narrative.frames_shown(len(shown), len(files))
    return {"sentence": sentence, "legend": legend(classes), "shown": views}


def longest_side(frames: int) -> int:
    """Return how many pixels the long side of each of so many frames may have, so that a page gets no larger.

    >>> longest_side(50), longest_side(256)
    (1280, 640)
    """
    return round(_LONGEST * min(1.0, math.sqrt(_FULL_SIZE / max(frames, 1))))


def in_words(score: FrameScore, names: Sequence[str]) -> str:
    """Say a frame's mIoU, and the three classes of which most pixels are missed, each by its share of the frame."""
    if math.isnan(score.miou):
        return "no pixel has a class"
    most = [k for k in np.argsort(-score.missed, kind="stable")[:3] if score.missed[k]]
    missed = ", ".join(f"{names[k]} {100 * score.missed[k] / score.truth.sum():.1f} %" for k in most)
    return f"mIoU {100 * score.miou:.1f} %" + (f"; missed most: {missed} of the labelled pixels" if missed else "")


# --- the confusion matrix


def confusion_view(confusion: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of a confusion matrix (K, K) int64, rows ground truth, for a page; none where K is large.

    A cell holds `share`, its percentage of the true pixels of its row, and `says`, a sentence, "" where it is empty.
    """
    if len(names) > _MOST_CLASSES:
        return []
    percent = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return [
        {"name": true, "cells": [_cell(true, pred, percent[i, k], confusion[i, k]) for k, pred in enumerate(names)]}
        for i, true in enumerate(names)
    ]


def _cell(true: str, pred: str, percent: float, pixels: int) -> dict[str, Any]:
    says = f"{true} predicted as {pred}: {percent:.2f} % of its pixels, {pixels:,} pixels" if pixels else ""
    text = f"{percent:.0f}" if percent >= _SHOWN_PERCENT else ""
    return {"text": text, "share": round(float(percent), 1), "full": percent > _DARK_PERCENT, "says": says}


# --- labels that are improbable to the network


def suspects_view(label_check: Path, data: Path, most: int, classes: ClassSet) -> dict[str, Any]:
    """Return the first `most` places and frames of a label check of the `data`, from the files in its folder.

    Raises UserError where a picture can't be read.
    """
    regions, frames = (read_rows(label_check / name) for name in ("regions.csv", "frames.csv"))

    def view(row: Mapping[str, Any]) -> dict[str, Any]:
        image = data / row["image"]
        files = FrameFiles(image, image.parents[1] / "label" / f"{image.stem}.png")
        return suspect_view(row, files, label_check / "classes" / row["classes"], classes)

    with ThreadPoolExecutor() as pool:
        shown = list(pool.map(view, regions[:most]))
    sentence = narrative.suspects(len(shown), len(regions), sum(frame["regions"] for frame in frames))
    return {"sentence": sentence, "shown": shown, "frames": frames[:most]}


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table of the label check, names as their bytes are."""
    if not path.read_bytes().strip():
        return []
    texts = dict.fromkeys(("split", "image", "label", "predicted", "classes"), str)  # a class may be called nan
    table = pd.read_csv(path, keep_default_na=False, dtype=texts, encoding_errors="surrogateescape")
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def suspect_view(row: Mapping[str, Any], files: FrameFiles, seen: Path, classes: ClassSet) -> dict[str, Any]:
    """Return a row of regions.csv with the place cut out of the picture, of its label and of what the network sees.

    Raises UserError where one of the files can't be read.
    """
    true, best = read_label(files.label), read_label(seen)
    best = cv2.resize(best, true.shape[::-1], interpolation=cv2.INTER_NEAREST)
    box: Box = row["left"], row["top"], row["right"], row["bottom"]
    rows, columns = surroundings(box, *true.shape)
    label_id = classes.names.index(row["label"])
    inside = np.zeros(true.shape, dtype=bool)  # only of this place: another one nearby has its card
    within = slice(box[1], box[3]), slice(box[0], box[2])
    inside[within] = (true[within] == label_id) & (best[within] != label_id)
    picture = outlined(read_image(files.image)[rows, columns], inside[rows, columns])
    layers = {"picture": webp(shrink_image(picture, _LONGEST_CUTTING))}
    for name, ids in (("label", true), ("network", best)):
        small = shrink_label(ids[rows, columns], _LONGEST_CUTTING)
        layers[name] = webp(colorize(small, classes), lossless=True)
    words = f"{100 * row['confidence']:.0f} % sure, {100 * row['share']:.2f} % of the frame"
    named = {name: row[name] for name in ("rank", "split", "image", "label", "predicted")}
    return named | {"words": words, "layers": layers}


def surroundings(box: Box, height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns to show of a frame of that size around a box in it.

    >>> surroundings((200, 100, 300, 150), 375, 1242)
    (slice(40, 210, None), slice(140, 360, None))
    """
    left, top, right, bottom = box
    around = max(_LEAST_AROUND, round(_AROUND * max(right - left, bottom - top)))
    rows = slice(max(0, top - around), min(height, bottom + around))
    return rows, slice(max(0, left - around), min(width, right + around))


def outlined(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Draw a line around what is `inside`, (H, W) bool, on a picture (H, W, 3) uint8: white between two black ones."""
    edges, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    drawn = image.copy()
    for color, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.drawContours(drawn, edges, -1, color, thickness)
    return drawn


# --- the data


def data_view(survey: Mapping[str, Any], folder: Path, classes: ClassSet) -> dict[str, Any]:
    """Return what a page shows of a survey of the data in `folder`; UserError where a frame can't be read.

    `survey` has the rows `splits`, `classes`, `sizes` and `twins`, and `shown`, the frames to show: each has its
    `split` and, as `frame`, its path in there.
    """

    def view(row: Mapping[str, str]) -> dict[str, Any]:
        image = folder / row["frame"]
        label = shrink_label(read_label(image.parents[1] / "label" / f"{image.stem}.png"), _LONGEST_OF_DATA)
        picture = webp(shrink_image(read_image(image), _LONGEST_OF_DATA))
        layers = {"picture": picture, "label": webp(colorize(label, classes), lossless=True)}
        return {"name": row["frame"], "split": row["split"], "layers": layers}

    with ThreadPoolExecutor() as pool:
        views = list(pool.map(view, survey["shown"]))
    return {**survey, "legend": legend(classes), "shown": views, "sentence": narrative.scarce_classes(survey)}
