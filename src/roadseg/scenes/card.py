"""Flat things that stand upright: painted in metres on a sheet that is set up in the scene."""

import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.light import Colour

_TURN = np.linspace(0, 2 * np.pi, 18, endpoint=False)
CIRCLE = np.column_stack((np.cos(_TURN), np.sin(_TURN)))  # (18, 2), radius 1


class Card:
    """An upright sheet at (x, y, z), turned about the vertical by `turn` radians, to paint on in metres."""

    def __init__(self, canvas: Canvas, x: float, y: float, z: float, turn: float = 0.0) -> None:
        self.canvas = canvas
        self.origin = np.array([x, y, z])
        self.across = np.array([np.cos(turn), 0.0, np.sin(turn)])

    def polygon(self, points: np.ndarray | list, colour: Colour, label: int | None, brightness: float = 1.0) -> None:
        """Paint the polygon (N, 2) float: metres to the right of the sheet's origin and above it."""
        flat = np.asarray(points, dtype=float)
        world = self.origin + flat[:, :1] * self.across
        world[:, 1] += flat[:, 1]
        self.canvas.polygon(world, colour, label, brightness)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, label: int | None) -> None:
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, label)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour, label: int | None) -> None:
        self.polygon(CIRCLE * (rx, ry) + (x, y), colour, label)

    def limb(self, start: tuple, end: tuple, widths: tuple[float, float], colour: Colour, label: int | None,
             brightness: float = 1.0) -> None:  # fmt: skip
        """A bar from one point to another; `widths` are those at the start and at the end, in metres."""
        w0, w1 = widths
        along = np.subtract(end, start)
        aside = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
        p, q = np.asarray(start), np.asarray(end)
        sides = [p - aside * w0 / 2, q - aside * w1 / 2, q + aside * w1 / 2, p + aside * w0 / 2]
        self.polygon(np.array(sides), colour, label, brightness)
