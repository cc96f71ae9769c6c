"""Crops of scaled frames, for training: cut out of the frame at its full resolution, and only then resized.

Rare classes may be drawn more often than others, each with a frame and a region of it that show them.
"""

import math
from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.augment import generator_of
from roadseg.frames.classes import IGNORE_INDEX
from roadseg.frames.counting import count_values
from roadseg.frames.images import resize_label, resize_picture
from roadseg.frames.store import Size, WholeFrames
from roadseg.pipeline.sections import Input, Strong, crop_size

MEAN_COLOUR = (124, 116, 104)  # ImageNet's mean: what is nearest to nothing for a network
MIN_PIXELS = 20  # that a frame or crop has of a class which it is said to show
_TRIES = 10


class Crops:
    """A crop of each frame for each key; scale 1 shows things as large as a frame resized to `target` does.

    Scales are drawn evenly on a log scale. A crop is at most as large as `target`; where a scaled frame is smaller than
    the crop, it lies in its upper left.
    `counts` are the frames' pixels of each class, (N, K) int64, which rare classes are known by.
    """

    def __init__(self, frames: WholeFrames, counts: np.ndarray, target: Input, strong: Strong) -> None:
        self._frames, self._target, self._strong = frames, target, strong
        self._rare = RareClasses(counts, strong.rare_class_temperature)
        self.size = crop_size(strong, target)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def folder(self) -> Path:
        """Whose files the frames are mapped from."""
        return self._frames.folder

    def sample(self, index: int, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a crop (h, w, 3) uint8 RGB of frame `index` and its label (h, w) uint8; `key` seeds what is drawn.

        In a share of the draws, `rare_class`, it shows a rare class and is of another frame, which has that class.
        """
        random, wanted = generator_of(f"{key}/crop"), None
        if random.random() < self._strong.rare_class and (drawn := self._rare.draw(random)):
            wanted, index = drawn
        image, label = self._frames[index]
        scale = math.exp(random.uniform(math.log(self._strong.scale_min), math.log(self._strong.scale_max)))
        scaled = scale * self._target.height, scale * self._target.width
        (height, target_height), (width, target_width) = map(_extent, label.shape, scaled, self.size)
        window = draw_window(random, label, (height, width), self._strong.max_class_share, wanted)
        return _cut(image[window], label[window], (target_height, target_width), self.size)


def _extent(frame: int, scaled: float, crop: int) -> tuple[int, int]:
    """How many of a side's `frame` pixels go into a crop if the frame is resized to `scaled`, and what they become.

    It is the whole side where the scaled frame is no longer than the crop.
    """
    target = min(crop, round(scaled))
    return min(frame, max(1, round(target * frame / scaled))), target


class RareClasses:
    """Draws a class and a frame that shows it, from the pixels of K classes in N frames, (N, K) int64."""

    def __init__(self, counts: np.ndarray, temperature: float) -> None:
        shown = counts >= MIN_PIXELS
        self._frames = [np.flatnonzero(column) for column in shown.T]
        self.probabilities = class_probabilities(counts.sum(axis=0) * shown.any(axis=0), temperature)  # (K,)

    def draw(self, random: np.random.Generator) -> tuple[int, int] | None:
        """Draw a class and the index of a frame that shows it; None where no frame shows any class."""
        if not self.probabilities.any():
            return None
        wanted = int(random.choice(len(self.probabilities), p=self.probabilities))
        return wanted, int(random.choice(self._frames[wanted]))


def class_probabilities(counts: np.ndarray, temperature: float) -> np.ndarray:
    """Return how often to draw each of K classes, given its pixels (K,) int64: (K,) float64 of sum 1.

    P(c) = softmax((1 - f_c) / T) over the classes that occur, f_c being a class's share of all pixels (Hoyer et al.
    2022, DAFormer, section 3.3). A class that doesn't occur gets 0, and all do where none occurs.

    Example:
        >>> class_probabilities(np.array([70, 30, 0]), temperature=0.4).round(3).tolist()  # e^(0.4 / 0.4) : 1
        [0.269, 0.731, 0.0]
    """
    probabilities, occurs = np.zeros(len(counts)), counts > 0
    if occurs.any():
        rarity = 1 - counts[occurs] / counts.sum()
        weights = np.exp((rarity - rarity.max()) / temperature)  # as they are, they could be too large for a float
        probabilities[occurs] = weights / weights.sum()
    return probabilities


def draw_window(
    random: np.random.Generator, label: np.ndarray, size: Size, max_class_share: float, wanted: int | None = None
) -> tuple[slice, slice]:
    """Draw a region of that size in a frame, given its label (H, W) uint8: its rows and its columns.

    One class has at most `max_class_share` of its valid pixels if one of 10 tries finds such a region. Given the class
    `wanted`, the region shows it instead: each try is a region around one of its pixels, and the first one with 20 of
    them is taken.
    """
    pixels = np.flatnonzero(label == wanted) if wanted is not None else ()
    for _ in range(_TRIES):
        pixel = divmod(int(random.choice(pixels)), label.shape[1]) if len(pixels) else (None, None)
        window = _span(random, label.shape[0], size[0], pixel[0]), _span(random, label.shape[1], size[1], pixel[1])
        shown = label[window]
        if is_mixed(shown, max_class_share) if wanted is None else np.count_nonzero(shown == wanted) >= MIN_PIXELS:
            break
    return window


def _span(random: np.random.Generator, frame: int, span: int, pixel: int | None) -> slice:
    """Draw `span` of a side's `frame` pixels, among them `pixel` where given."""
    first, last = (0, frame - span) if pixel is None else (max(0, pixel - span + 1), min(pixel, frame - span))
    start = int(random.integers(first, last + 1))
    return slice(start, start + span)


def is_mixed(label: np.ndarray, max_class_share: float) -> bool:
    """Whether a label map (H, W) uint8 has valid pixels and no class takes more than that share of them."""
    counts = count_values(label)[:IGNORE_INDEX]
    return bool(0 < counts.max() <= max_class_share * counts.sum())


def _cut(image: np.ndarray, label: np.ndarray, target: Size, size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return a crop of that size with a picture (H, W, 3) and label (H, W), uint8, resized to `target` in its corner.

    That is the upper left one. The picture is averaged along a side that shrinks and linear along one that grows, the
    label is that of the nearest pixel. The rest has the mean colour and label 255.
    """
    picture = resize_picture(image, *target, "area")
    classes = resize_label(label, *target)
    rest = 0, size[0] - target[0], 0, size[1] - target[1]  # above, below, left, right
    return (
        cv2.copyMakeBorder(picture, *rest, cv2.BORDER_CONSTANT, value=MEAN_COLOUR),
        cv2.copyMakeBorder(classes, *rest, cv2.BORDER_CONSTANT, value=IGNORE_INDEX),
    )
