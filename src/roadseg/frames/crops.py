"""Crops of scaled frames, for training: cut out of the frame at its full resolution, and only then resized."""

import math
from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.augment import generator_of
from roadseg.frames.classes import IGNORE_INDEX
from roadseg.frames.rare import RareClasses
from roadseg.frames.resizing import resize_label, resize_picture
from roadseg.frames.whole import WholeFrames
from roadseg.frames.windows import Window, draw_window
from roadseg.pipeline.sections import Input, Strong, crop_size

MEAN_COLOUR = (124, 116, 104)  # ImageNet's mean: what is nearest to nothing for a network


class Crops:
    """A crop of each frame for each key; scale 1 shows things as large as a frame resized to `target` does.

    Scales are drawn evenly on a log scale. A crop is at most as large as `target`; where a scaled frame is smaller than
    the crop, it lies in its upper left.
    `counts` are the frames' pixels of each class, (N, K) int64, which rare classes are known by.
    """

    def __init__(
        self,
        frames: WholeFrames,
        counts: np.ndarray,
        target: Input,
        strong: Strong,
    ) -> None:
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
        window = draw_window(random, label, scaled, self.size, self._strong.max_class_share, wanted)
        return cut(image, label, window, self.size)


def cut(image: np.ndarray, label: np.ndarray, window: Window, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Resize a region of a picture (H, W, 3) and label (H, W), uint8, into the upper left of a crop of that size.

    The picture is averaged along a side that shrinks and linear along one that grows, the label is that of the nearest
    pixel. Returns new arrays (h, w, 3) and (h, w) uint8; what is left free has the mean colour and label 255.
    """
    picture = resize_picture(window.of(image), *window.target, "area")
    classes = resize_label(window.of(label), *window.target)
    rest = 0, size[0] - window.target[0], 0, size[1] - window.target[1]  # above, below, left, right
    return (
        cv2.copyMakeBorder(picture, *rest, cv2.BORDER_CONSTANT, value=MEAN_COLOUR),
        cv2.copyMakeBorder(classes, *rest, cv2.BORDER_CONSTANT, value=IGNORE_INDEX),
    )
