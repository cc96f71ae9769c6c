"""Parts of a frame in which the network is sure of one class and the label has another."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from roadseg.classes import IGNORE_INDEX
from roadseg.label_check.beliefs import Beliefs

_LEAST = 32  # pixels of a region; at borders smaller ones are everywhere
_TINY = 1e-6  # the least probability that counts, so that its logarithm is a number


@dataclass(frozen=True)
class Region:
    """Connected pixels of one label to which the network gives one other class."""

    label: int
    predicted: int
    box: tuple[int, int, int, int]  # left, top, right, bottom; the last two are the first pixels outside
    pixels: int
    confidence: float  # mean probability of the class that the network gives
    surprise: float  # mean of -log of the probability that it gives to the label
    coverage: float  # share of the object that the network sees, connected pixels of one predicted class


def find_regions(seen: Beliefs, label: np.ndarray, margin: float) -> list[Region]:
    """Find where a class is by more than `margin` likelier than the label, (H, W) uint8, 255 for no label."""
    best, sure = seen.best, (seen.of_best - seen.of_label > margin) & (label != IGNORE_INDEX)
    pairs = np.where(sure, 256 * label.astype(np.int32) + best, -1)
    objects: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    found = []
    for pair in _frequent(pairs[sure]):
        true, pred = divmod(pair, 256)
        for box, pixels, inside in _connected(pairs == pair):
            if pred not in objects:
                objects[pred] = _components(best == pred)
            numbers, sizes = (objects[pred][0][_within(box)], objects[pred][1])
            surprise = -np.log(np.maximum(seen.of_label[_within(box)][inside], _TINY)).mean()
            confidence = seen.of_best[_within(box)][inside].mean()
            coverage = pixels / sizes[numbers[inside][0]]
            found.append(Region(true, pred, box, pixels, float(confidence), float(surprise), float(coverage)))
    return found


def _frequent(pairs: np.ndarray) -> list[int]:
    values, counts = np.unique(pairs, return_counts=True)
    return [int(value) for value in values[counts >= _LEAST]]


def _within(box: tuple[int, int, int, int]) -> tuple[slice, slice]:
    return slice(box[1], box[3]), slice(box[0], box[2])


def _components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected parts of a mask: (H, W) int32, and how many pixels each has."""
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return numbers, stats[:, cv2.CC_STAT_AREA]


def _connected(mask: np.ndarray) -> Iterator[tuple[tuple[int, int, int, int], int, np.ndarray]]:
    """Yield each connected part of a mask that is large enough: its box, its pixels, and the mask inside the box."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    for number in range(1, count):
        left, top, width, height, pixels = map(int, stats[number])
        if pixels >= _LEAST:
            box = left, top, left + width, top + height
            yield box, pixels, numbers[_within(box)] == number
