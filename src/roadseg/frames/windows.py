"""Which region of a frame becomes a crop."""

from dataclasses import dataclass

import numpy as np

from roadseg.frames.classes import IGNORE_INDEX
from roadseg.frames.counting import count_values
from roadseg.frames.rare import MIN_PIXELS

_TRIES = 10

Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Window:
    """A region of a frame in the frame's own pixels, and the size that it is resized to."""

    top: int
    left: int
    height: int
    width: int
    target: Size

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """Return that region of a picture (H, W, 3) or label (H, W), uint8, not copied."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]


def draw_window(
    random: np.random.Generator,
    label: np.ndarray,
    scaled: tuple[float, float],
    crop: Size,
    max_class_share: float,
    wanted: int | None = None,
) -> Window:
    """Draw a region of a frame, given its label (H, W) uint8, that fills a crop if the frame has size `scaled`.

    It is the whole side where the scaled frame is no longer than the crop. One class has at most `max_class_share` of
    its valid pixels if one of 10 tries finds such a region. Given the class `wanted`, the region shows it instead: each
    try is a region around one of its pixels, and the first one with 20 of them is taken.
    """
    (height, target_height), (width, target_width) = map(_extent, label.shape, scaled, crop)
    pixels = np.flatnonzero(label == wanted) if wanted is not None else ()
    for _ in range(_TRIES):
        row, column = divmod(int(random.choice(pixels)), label.shape[1]) if len(pixels) else (None, None)
        top, left = _start(random, label.shape[0], height, row), _start(random, label.shape[1], width, column)
        window = Window(top, left, height, width, (target_height, target_width))
        if _serves(window.of(label), max_class_share, wanted):
            break
    return window


def _serves(label: np.ndarray, max_class_share: float, wanted: int | None) -> bool:
    if wanted is None:
        return is_mixed(label, max_class_share)
    return int(np.count_nonzero(label == wanted)) >= MIN_PIXELS


def is_mixed(label: np.ndarray, max_class_share: float) -> bool:
    """Whether a label map (H, W) uint8 has valid pixels and no class takes more than that share of them."""
    counts = count_values(label)[:IGNORE_INDEX]
    return bool(0 < counts.max() <= max_class_share * counts.sum())


def _extent(frame: int, scaled: float, crop: int) -> tuple[int, int]:
    """How many of a side's `frame` pixels go into a crop, and how many of the crop's pixels they become."""
    target = min(crop, round(scaled))
    return min(frame, max(1, round(target * frame / scaled))), target


def _start(random: np.random.Generator, frame: int, span: int, pixel: int | None) -> int:
    """Draw where `span` of a side's `frame` pixels begin, among them `pixel` where given."""
    first, last = (0, frame - span) if pixel is None else (max(0, pixel - span + 1), min(pixel, frame - span))
    return int(random.integers(first, last + 1))
