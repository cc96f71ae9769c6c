"""The pinhole camera, and the metres it looks at: x to the right, y up from the road, z ahead, all from the lens."""

from dataclasses import dataclass

import numpy as np

_BEYOND = 30000.0  # pixels; farther out OpenCV's fixed-point numbers would overflow
NEAR = 1.2  # metres; what lies nearer is moved here, which is always outside the frame


@dataclass(frozen=True)
class Camera:
    """A camera over a road that bends sideways by `bend` * z * z metres; all else is placed as if it were straight."""

    focal: float  # pixels
    centre: float  # column of the vanishing point
    horizon: float  # row
    height: float  # metres above the road
    bend: float  # 1/metres

    def project(self, points: np.ndarray) -> np.ndarray:
        """Project points (N, 3) float in metres to (N, 2) float columns and rows in pixels."""
        z = np.maximum(points[:, 2], NEAR)
        scale = self.focal / z
        pixels = np.empty((len(points), 2))
        pixels[:, 0] = self.centre + (points[:, 0] + self.bend * z * z) * scale
        pixels[:, 1] = self.horizon + (self.height - points[:, 1]) * scale
        return np.minimum(np.maximum(pixels, -_BEYOND), _BEYOND)

    def ground(self, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The place on the road behind each pixel below the horizon: x (R, C) and z (R, 1), float32, metres."""
        z = (self.focal * self.height / (rows - self.horizon)).astype(np.float32)[:, None]
        aside = ((columns - self.centre) / self.focal).astype(np.float32)[None, :]
        return aside * z - np.float32(self.bend) * z * z, z


def random_camera(rng: np.random.Generator, height: int, width: int) -> Camera:
    """A camera behind a windscreen: about 80 degrees wide, the horizon a little above the middle of the frame."""
    return Camera(
        focal=0.58 * width,
        centre=(0.5 + rng.normal(0, 0.03)) * width,
        horizon=(0.45 + rng.normal(0, 0.012)) * height,
        height=rng.uniform(1.5, 1.8),
        bend=rng.normal(0, 0.0008),
    )
