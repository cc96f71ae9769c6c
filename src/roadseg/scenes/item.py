"""A thing in the scene: when it is painted, how, and what throws its shadow."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from roadseg.scenes.canvas import Canvas


@dataclass(frozen=True)
class Item:
    """A thing in the scene. Its shadow is that of the outline (N, 2), x and z, swept from `low` to `high` metres."""

    depth: float  # metres; the larger, the earlier it is painted
    paint: Callable[[Canvas], None]
    outline: np.ndarray | None = None
    low: float = 0.0
    high: float = 0.0


def footprint(x: float, z: float, rx: float, rz: float) -> np.ndarray:
    """A rectangle on the ground, (4, 2), around (x, z)."""
    return np.array([(x - rx, z - rz), (x + rx, z - rz), (x + rx, z + rz), (x - rx, z + rz)])
