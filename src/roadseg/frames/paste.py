"""Copy-paste: the pixels of things in one crop are put over another crop, picture and label."""

import cv2
import numpy as np

from roadseg.classes import NAMES

# what has an outline of its own and is rare; cars are common
THINGS = tuple(NAMES.index(name) for name in ("person", "rider", "truck", "bus", "train", "motorcycle", "bicycle"))

_PERSON, _RIDER, _TRUCK, _BUS, _TRAIN, _MOTORCYCLE, _BICYCLE = THINGS
_TOGETHER = {_RIDER: (_RIDER, _MOTORCYCLE, _BICYCLE), _MOTORCYCLE: (_MOTORCYCLE, _RIDER), _BICYCLE: (_BICYCLE, _RIDER)}


def paste_thing(
    image: np.ndarray, label: np.ndarray, other_image: np.ndarray, other_label: np.ndarray, thing: int
) -> None:
    """Put the other crop's pixels of class `thing` into a crop: pictures (H, W, 3) and labels (H, W), uint8, in place.

    A rider comes with motorcycles and bicycles, and these come with their riders. The choice of pixels by class is
    ClassMix's (Olsson et al. 2021), pasting things Ghiasi et al.'s (2021).
    """
    table = np.zeros(256, np.uint8)
    table[list(_TOGETHER.get(thing, (thing,)))] = 1
    mask = cv2.LUT(other_label, table)
    cv2.copyTo(other_image, mask, image)
    cv2.copyTo(other_label, mask, label)
