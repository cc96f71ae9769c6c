"""Which region of a frame becomes a crop."""

from dataclasses import dataclass

import numpy as np

from roadseg.classes import NUM_CLASSES
from roadseg.scoring.counting import count_values

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
    random: np.random.Generator, label: np.ndarray, scaled: tuple[float, float], crop: Size, max_class_share: float
) -> Window:
    """Draw a region of a frame, given its label (H, W) uint8, that fills a crop if the frame has size `scaled`.

    It is the whole side where the scaled frame is no longer than the crop. One class has at most `max_class_share` of
    its valid pixels if one of 10 tries finds such a region.
    """
    (height, target_height), (width, target_width) = map(_extent, label.shape, scaled, crop)
    for _ in range(_TRIES):
        top, left = (int(random.integers(n - span + 1)) for n, span in zip(label.shape, (height, width), strict=True))
        window = Window(top, left, height, width, (target_height, target_width))
        if is_mixed(window.of(label), max_class_share):
            break
    return window


def is_mixed(label: np.ndarray, max_class_share: float) -> bool:
    """Whether a label map (H, W) uint8 has valid pixels and no class takes more than that share of them."""
    counts = count_values(label)[:NUM_CLASSES]
    return bool(0 < counts.max() <= max_class_share * counts.sum())


def _extent(frame: int, scaled: float, crop: int) -> tuple[int, int]:
    """How many of a side's `frame` pixels go into a crop, and how many of the crop's pixels they become."""
    target = min(crop, round(scaled))
    return min(frame, max(1, round(target * frame / scaled))), target
