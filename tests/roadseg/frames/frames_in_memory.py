"""Whole frames made of arrays, and settings for small crops of them."""

from pathlib import Path

import numpy as np

from roadseg.frames.crops import Crops
from roadseg.frames.stored import Stored
from roadseg.frames.whole import WholeFrames
from roadseg.pipeline.sections import Input, Strong
from roadseg.scoring.class_weights import count_pixels

SETTINGS = {"crop_height": 64, "crop_width": 64, "scale_min": 1.0, "scale_max": 1.0, "max_class_share": 1.0}
SETTINGS |= {"rare_class": 0.0, "rare_class_temperature": 0.1}


def crops_of(*frames, height, width, **changes):
    """Crops of frames, pairs of a picture (H, W, 3) and a label (H, W), for an input of that size."""
    images, labels = (np.concatenate([frame[part].ravel() for frame in frames]) for part in (0, 1))
    whole = WholeFrames(Stored(images, labels, [label.shape for _, label in frames], Path("nowhere")))
    counts = count_pixels([label for _, label in frames])
    target = Input(height=height, width=width, resize="area")
    return Crops(whole, counts, target, Strong(**SETTINGS | changes))


def positions(height, width):
    """A frame whose red is the column and whose green is the row; its label is 1 on the left and 2 on the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width), np.arange(height)[:, None]
    return image, np.where(image[..., 0] < width // 2, 1, 2).astype(np.uint8)


def blocks(height, width, seed, classes=(0, 2, 8, 10, 13)):
    """A frame of squares of 16 pixels, each of one class, whose red is 12 times the class."""
    random = np.random.default_rng(seed)
    label = random.choice(classes, (-(-height // 16), -(-width // 16))).astype(np.uint8)
    label = label.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = 12 * label
    return image, label
