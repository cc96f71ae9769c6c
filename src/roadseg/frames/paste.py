"""Copy-paste: the pixels of things in one crop are put over another crop, picture and label."""

from collections.abc import Sequence

import cv2
import numpy as np

# what has an outline of its own and is rare, with what comes with it; cars are common
_TOGETHER = {
    "person": (),
    "rider": ("motorcycle", "bicycle"),
    "truck": (),
    "bus": (),
    "train": (),
    "motorcycle": ("rider",),
    "bicycle": ("rider",),
}
THINGS = tuple(_TOGETHER)


def things_of(names: Sequence[str]) -> dict[int, tuple[int, ...]]:
    """Return the ids of the things among K classes, each with the ids of the classes that are pasted with it.

    >>> things_of(("road", "rider", "person", "bicycle"))
    {1: (1, 3), 2: (2,), 3: (3, 1)}
    """
    id_of = {name: class_id for class_id, name in enumerate(names)}
    return {
        class_id: tuple(id_of[other] for other in (name, *_TOGETHER[name]) if other in id_of)
        for name, class_id in id_of.items()
        if name in _TOGETHER
    }


def paste_classes(
    image: np.ndarray, label: np.ndarray, other_image: np.ndarray, other_label: np.ndarray, classes: Sequence[int]
) -> None:
    """Put the other crop's pixels of some classes into a crop: pictures (H, W, 3), labels (H, W), uint8, in place.

    The choice of pixels by class is ClassMix's (Olsson et al. 2021), pasting things Ghiasi et al.'s (2021).
    """
    table = np.zeros(256, np.uint8)
    table[list(classes)] = 1
    mask = cv2.LUT(other_label, table)
    cv2.copyTo(other_image, mask, image)
    cv2.copyTo(other_label, mask, label)
