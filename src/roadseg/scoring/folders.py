"""Find the files to score, check them and count their pixels."""

import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

import numpy as np

from roadseg.frames.classes import NAMES
from roadseg.frames.counting import VALUES, joint_histogram
from roadseg.frames.images import read_label
from roadseg.frames.label_form import Values, check_no_masks, check_values
from roadseg.frames.reading import is_litter, kind_of
from roadseg.pipeline.errors import UserError, printable, raise_all


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


def joint_histogram_of_files(
    pairs: Iterable[tuple[Path, Path]], values: Values | None = None, names: Sequence[str] = NAMES
) -> np.ndarray:
    """Sum the joint histograms of (prediction, truth) PNG pairs, read by threads: (256, 256) int64.

    Raises UserError, a line per problem, for files that are no labels, and, given `values`, for files that hold others
    and for folders of black and white masks.
    """
    pairs = list(pairs)
    total, problems = np.zeros((VALUES, VALUES), dtype=np.int64), []
    with ThreadPoolExecutor() as pool:
        for joint, found in pool.map(lambda pair: _of_pair(pair[0], pair[1], values), pairs):
            total += joint
            problems += found
    raise_all(problems)
    if values and pairs:
        for path, counts in zip(pairs[0], _by_value(total), strict=True):
            check_no_masks(_present(counts), printable(path.parent), names)
    return total


def _of_pair(pred: Path, truth: Path, values: Values | None) -> tuple[np.ndarray, list[str]]:
    """Return a pair's joint histogram and no line, or zeros and a line for each problem."""
    nothing = np.zeros((VALUES, VALUES), dtype=np.int64)
    try:
        maps = read_label(pred), read_label(truth)
    except UserError as error:
        return nothing, [str(error)]
    if maps[0].shape != maps[1].shape:
        sizes = f"{printable(pred)} is {_size(maps[0])}, but {printable(truth)} is {_size(maps[1])}"
        return nothing, [f"{sizes}; predict at the label's size"]
    joint = joint_histogram(*maps)
    problems = []
    for path, counts in zip((pred, truth), _by_value(joint), strict=True):
        try:
            if values:
                check_values(_present(counts), values, printable(path))
        except UserError as error:
            problems.append(str(error))
    return joint, problems


def _by_value(joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many pixels have each value: in the prediction, and in the truth."""
    return joint.sum(axis=0), joint.sum(axis=1)


def _present(counts: np.ndarray) -> list[int]:
    return [int(value) for value in np.flatnonzero(counts)]


def _size(label: np.ndarray) -> str:
    return f"{label.shape[1]}x{label.shape[0]}"
