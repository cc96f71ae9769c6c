"""The study's score of whatever there is: any values, bits or channels, with no check of what they mean."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.counting import VALUES, joint_histogram
from roadseg.frames.headers import unreadable
from roadseg.frames.reading import read_bytes
from roadseg.pipeline.errors import UserError, printable

_NO_CLASS = 254  # any value that is in no bin of the study's histogram and isn't 255


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
