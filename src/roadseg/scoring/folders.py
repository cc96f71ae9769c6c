"""Joint histograms of two folders: files are paired and checked or, in the study's way, counted whatever they hold."""

import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

import cv2
import numpy as np

from roadseg.frames.classes import CITYSCAPES, ClassSet
from roadseg.frames.counting import VALUES, joint_histogram
from roadseg.frames.headers import unreadable
from roadseg.frames.images import (
    Values,
    check_no_masks,
    check_values,
    is_litter,
    kind_of,
    plain_ids,
    read_bytes,
    read_label,
)
from roadseg.pipeline.errors import UserError, printable, raise_all

_NO_CLASS = 254  # any value that is in no bin of the study's histogram and isn't 255


def matching_files(pred: Path, truth: Path) -> list[tuple[Path, Path]]:
    """Pair each PNG of the folder `truth` with the prediction of the same name; UserError for anything out of place.

    Hidden files are passed over. Names are the same whatever Unicode form they are written in.
    """
    for folder in (pred, truth):
        if kind_of(folder) != "a folder":
            raise UserError(f"{printable(folder)} is not a folder; name the one that holds the PNGs")
    names = _visible(truth)
    odd = [truth / name for name in names if not name.lower().endswith(".png")]
    raise_all([f"{printable(path)} is not a PNG; the folder must hold label maps alone" for path in odd])
    if not names:
        raise UserError(f"{printable(truth)} is empty; there is nothing to score")
    prediction_of = {_key(name): name for name in _visible(pred)}
    if missing := [name for name in names if _key(name) not in prediction_of]:
        count = f"({len(missing)} of {len(names)} are)"
        raise UserError(f"{printable(pred / missing[0])} is missing {count}; predict them too")
    return [(pred / prediction_of[_key(name)], truth / name) for name in names]


def _visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not is_litter(path.name))


def _key(name: str) -> str:
    path = PurePath(name)
    return unicodedata.normalize("NFC", path.stem) + path.suffix.lower()


def joint_histogram_of_files(pairs: Iterable[tuple[Path, Path]], classes: ClassSet = CITYSCAPES) -> np.ndarray:
    """Sum the joint histograms of (prediction, truth) PNG pairs, read by threads: (256, 256) int64.

    Raises UserError, a line per problem, for files that are no labels or hold other values than ids of the classes and
    255, and for folders of black and white masks.
    """
    pairs, values = list(pairs), plain_ids(len(classes))
    total, problems = np.zeros((VALUES, VALUES), dtype=np.int64), []
    with ThreadPoolExecutor() as pool:
        for joint, found in pool.map(lambda pair: _of_pair(pair[0], pair[1], values), pairs):
            total += joint
            problems += found
    raise_all(problems)
    for path, present in _values_by_file(pairs[0], total) if pairs else ():
        check_no_masks(present, printable(path.parent), classes.names)
    return total


def _of_pair(pred: Path, truth: Path, values: Values) -> tuple[np.ndarray | int, list[str]]:
    """Return a pair's joint histogram, and a line for each problem."""
    try:
        maps = read_label(pred), read_label(truth)
    except UserError as error:
        return 0, [str(error)]
    shapes = [label.shape for label in maps]
    if shapes[0] != shapes[1]:
        sizes = [
            f"{printable(path)} is {width}x{height}"
            for path, (height, width) in zip((pred, truth), shapes, strict=True)
        ]
        return 0, [f"{', but '.join(sizes)}; predict at the label's size"]
    joint, problems = joint_histogram(*maps), []
    for path, present in _values_by_file((pred, truth), joint):
        try:
            check_values(present, values, printable(path))
        except UserError as error:
            problems.append(str(error))
    return joint, problems


def _values_by_file(pair: tuple[Path, Path], joint: np.ndarray) -> list[tuple[Path, list[int]]]:
    """Return which values the prediction and the truth hold, each with its path."""
    return [(path, np.flatnonzero(joint.sum(axis=axis)).tolist()) for axis, path in enumerate(pair)]


def study_histogram_of_files(pairs: Iterable[tuple[Path, Path]]) -> np.ndarray:
    """Sum the joint histograms of (prediction, truth) pairs of pictures: (256, 256) int64, for `cal_acc`.

    All values are counted, those of each channel alike, as the study's function did. Raises UserError where it could
    not go on either: for a file that is no picture, and for pairs of different shapes.
    """

    def of_pair(pair: tuple[Path, Path]) -> np.ndarray:
        pred, truth = (_read(path) for path in pair)
        if pred.shape != truth.shape:
            shapes = f"{printable(pair[0])} has the shape {pred.shape}, but {printable(pair[1])} {truth.shape}"
            raise UserError(f"{shapes}; make them the same")
        return joint_histogram(_in_8_bits(pred), _in_8_bits(truth))

    with ThreadPoolExecutor() as pool:
        return sum(pool.map(of_pair, pairs), start=np.zeros((VALUES, VALUES), dtype=np.int64))


def _read(path: Path) -> np.ndarray:
    try:
        values = cv2.imdecode(np.frombuffer(read_bytes(path), dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:  # an empty file, or more pixels than OpenCV takes
        values = None
    if values is None or values.dtype.kind != "u":
        raise unreadable(printable(path))
    return values


def _in_8_bits(values: np.ndarray) -> np.ndarray:
    """Return values of any shape as (H, W) uint8; those above 255 are in no bin, so one of them stands for all."""
    return np.where(values > 255, _NO_CLASS, values).astype(np.uint8).reshape(len(values), -1)
