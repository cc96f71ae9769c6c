"""Parts of a frame whose label is improbable to the network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from roadseg.frames.classes import IGNORE_INDEX

_LEAST = 32  # pixels of a region; at borders smaller ones are everywhere
_TINY = 1e-6  # the least probability that counts, so that its logarithm is a number

Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are the first pixels outside
Parts = tuple[np.ndarray, np.ndarray]  # the number of each pixel's part, (H, W) int32, and the parts' pixels


@dataclass(frozen=True)
class Beliefs:
    """What a network believes of each pixel of a frame: its class, how sure it is, and how probable the label is."""

    best: np.ndarray  # (H, W) uint8, the likeliest class
    of_best: np.ndarray  # (H, W) float32, its probability
    of_label: np.ndarray  # (H, W) float32, that of the label; of no meaning where there is none


@dataclass(frozen=True)
class Region:
    """Connected pixels of one label to which the network gives other classes."""

    label: int
    seen_as: Mapping[int, int]  # how many pixels it gives to which class
    box: Box
    confidence: float  # mean probability of the classes that the network gives
    surprise: float  # mean of -log of the probability that it gives to the label
    coverage: float  # share of the object that the network sees, connected pixels of the class that it gives most

    @property
    def pixels(self) -> int:
        return sum(self.seen_as.values())

    @property
    def predicted(self) -> int:
        """The class that the network gives most of the pixels, the first of equals."""
        return max(self.seen_as, key=lambda k: self.seen_as[k])


def find_regions(seen: Beliefs, label: np.ndarray, improbable: float) -> list[Region]:
    """Find where the label, (H, W) uint8, 255 for none, is less than `improbable` to a network that sees another class.

    Which other class may differ within a region: a car that the network takes for half a truck is one object.
    """
    doubted = (seen.of_label < improbable) & (seen.best != label) & (label != IGNORE_INDEX)
    objects: dict[int, Parts] = {}
    return [
        _region(seen, true, box, inside, objects)
        for true in _frequent(label[doubted])
        for box, inside in _connected(doubted & (label == true))
    ]


def _region(seen: Beliefs, true: int, box: Box, inside: np.ndarray, objects: dict[int, Parts]) -> Region:
    """Describe the pixels `inside` a box, of one label; `objects` are the parts of each class seen so far."""
    within = slice(box[1], box[3]), slice(box[0], box[2])
    classes, counts = np.unique(seen.best[within][inside], return_counts=True)
    predicted = int(classes[counts.argmax()])
    if predicted not in objects:
        objects[predicted] = _parts(seen.best == predicted)
    numbers, sizes = objects[predicted]
    touched = np.unique(numbers[within][inside & (seen.best[within] == predicted)])
    surprise = -np.log(np.maximum(seen.of_label[within][inside], _TINY)).mean()
    return Region(
        true,
        {int(k): int(count) for k, count in zip(classes, counts, strict=True)},
        box,
        confidence=float(seen.of_best[within][inside].mean()),
        surprise=float(surprise),
        coverage=float(counts.max() / sizes[touched].sum()),
    )


def _frequent(labels: np.ndarray) -> list[int]:
    values, counts = np.unique(labels, return_counts=True)
    return [int(value) for value in values[counts >= _LEAST]]


def _parts(mask: np.ndarray) -> Parts:
    """Number the connected parts of a mask, (H, W) bool."""
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return numbers, stats[:, cv2.CC_STAT_AREA]


def _connected(mask: np.ndarray) -> Iterator[tuple[Box, np.ndarray]]:
    """Yield each connected part of a mask that is large enough: its box, and the mask inside the box."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    for number in range(1, count):
        left, top, width, height, pixels = map(int, stats[number])
        if pixels >= _LEAST:
            box = left, top, left + width, top + height
            yield box, numbers[top : box[3], left : box[2]] == number
