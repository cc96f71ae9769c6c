"""What lens and sensor do to the picture at the end: exposure, white balance, blur and noise."""

from statistics import NormalDist

import cv2
import numpy as np

_NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)])  # random byte -> normal deviate


def _curves(rng: np.random.Generator) -> np.ndarray:
    """One brightness curve a channel, (1, 256, 3) uint8, from a frame's exposure, contrast and white balance."""
    levels = np.linspace(0, 1, 256)[:, None]
    gain = rng.uniform(0.85, 1.15) * (1 + rng.normal(0, 0.025, 3))
    curve = np.clip(levels * gain, 0, 1) ** rng.uniform(0.85, 1.15)
    return np.round(curve * 255).astype(np.uint8)[None]


def expose(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8 as a camera of that resolution would have taken it."""
    image = cv2.LUT(image, _curves(rng))
    image = cv2.GaussianBlur(image, (3, 3), rng.uniform(0.35, 0.7))
    grain = np.round(_NORMAL * rng.uniform(1.5, 4.0)).astype(np.int8)
    noise = cv2.LUT(rng.integers(0, 256, image.shape, np.uint8), grain)
    return cv2.add(image, noise, dtype=cv2.CV_8U)
