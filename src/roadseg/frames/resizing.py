"""How a picture and a label are brought to another size."""

import cv2
import numpy as np


def resize_picture(image: np.ndarray, height: int, width: int, rule: str) -> np.ndarray:
    """Resize an (H, W, 3) uint8 picture to (height, width, 3) by a rule: `nearest`, `linear` or `area`.

    `area`: along a side that shrinks each output pixel is the mean of what it covers; a side that grows is linear.
    """
    if rule == "nearest":
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST)
    if rule == "area":
        # in two steps: where one side grows, OpenCV's area method doesn't average along the other either
        smaller = min(width, image.shape[1]), min(height, image.shape[0])
        image = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
    if image.shape[:2] == (height, width):
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def resize_label(label: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an (H, W) uint8 label map to (height, width) by nearest neighbour, pixel centre to pixel centre."""
    return cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
