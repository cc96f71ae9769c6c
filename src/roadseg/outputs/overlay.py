"""A frame with the colours of its classes laid over it."""

import cv2
import numpy as np


def overlay(image: np.ndarray, colours: np.ndarray, strength: float) -> np.ndarray:
    """Lay colours over a picture, both (H, W, 3) uint8; at strength 0 the picture is left, at 1 the colours."""
    return cv2.addWeighted(image, 1 - strength, colours, strength, 0)
