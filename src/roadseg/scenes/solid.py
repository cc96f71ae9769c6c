"""Vehicles are outlines seen from the side, extruded to a width: only what faces the camera is painted."""

import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.card import CIRCLE
from roadseg.scenes.light import Colour

_TYRE: Colour = (28, 28, 30)
_RIM: Colour = (150, 152, 156)


class Solid:
    """A body at (x, z) on the road, turned by `yaw` radians (0 drives away); its own axes: ahead, up, right."""

    def __init__(self, canvas: Canvas, x: float, z: float, yaw: float, label: int) -> None:
        self.canvas, self.label = canvas, label
        self.origin = np.array([x, 0.0, z])
        cos, sin = np.cos(yaw), np.sin(yaw)
        self.axes = np.array([[sin, 0.0, cos], [0.0, 1.0, 0.0], [cos, 0.0, -sin]])  # rows: ahead, up, right

    def world(self, points: np.ndarray) -> np.ndarray:
        """Take points (N, 3) float from the body's own axes to the scene's metres."""
        return points @ self.axes + self.origin

    def faces_us(self, point: np.ndarray, normal: np.ndarray) -> bool:
        """Return whether a surface at a point (3,) float with this outward normal (3,) is seen; both in own axes."""
        place = point @ self.axes + self.origin
        place[0] += self.canvas.camera.bend * place[2] ** 2
        place[1] -= self.canvas.camera.height
        return float((normal @ self.axes) @ place) < 0

    def face(self, points: np.ndarray, normal: np.ndarray, colour: Colour, label: int | None = None) -> None:
        """Paint a polygon (N, 3) float in own axes, lit by its outward normal (3,); `label` is the body's if None."""
        shade = self.canvas.light.shade(normal @ self.axes)
        self.canvas.polygon(self.world(points), colour, self.label if label is None else label, shade)

    def extrude(self, outline: np.ndarray, half: np.ndarray, colours: list[Colour]) -> None:
        """Extrude the outline (N, 2) float, ahead and up, clockwise from its lower rear, by `half` (N,) to each side.

        `colours` has one entry an edge; the two flanks come from `flank`.
        """
        for i in self._far_to_near(outline):
            j = (i + 1) % len(outline)
            (a0, u0), (a1, u1) = outline[i], outline[j]
            normal = np.array([-(u1 - u0), a1 - a0, 0.0]) / np.hypot(u1 - u0, a1 - a0)
            quad = np.array([(a0, u0, -half[i]), (a0, u0, half[i]), (a1, u1, half[j]), (a1, u1, -half[j])])
            if self.faces_us((quad[0] + quad[2]) / 2, normal):
                self.face(quad, normal, colours[i])

    def _far_to_near(self, outline: np.ndarray) -> np.ndarray:
        middles = (outline + np.roll(outline, -1, axis=0)) / 2
        return np.argsort(-(middles[:, 0] * self.axes[0, 2]), kind="stable")

    def sides(self) -> list[float]:
        """The flank that is seen, as its sign on the axis to the right: a list of none or one."""
        return [s for s in (-1.0, 1.0) if self.faces_us(np.array([0.0, 1.0, s]), np.array([0.0, 0.0, s]))]

    def flank(self, points: np.ndarray | list, side: float, half: np.ndarray | float, colour: Colour) -> None:
        """Paint a polygon (N, 2) float, ahead and up, on the flank `side`, `half` metres from the middle."""
        flat = np.asarray(points, dtype=float)
        self.face(np.column_stack((flat, np.broadcast_to(side * half, len(flat)))), np.array([0, 0, side]), colour)

    def panel(self, ahead: float, box: tuple[float, float, float, float], colour: Colour, facing: float) -> None:
        """A rectangle (right0, up0, right1, up1) on the plane `ahead` metres along; `facing` 1 = front, -1 = rear."""
        r0, u0, r1, u1 = box
        points = np.array([(ahead, u0, r0), (ahead, u0, r1), (ahead, u1, r1), (ahead, u1, r0)])
        self.face(points, np.array([facing, 0.0, 0.0]), colour)

    def wheel(self, ahead: float, radius: float, side: float, half: float) -> None:
        """A tyre with its rim on the flank."""
        self.flank(CIRCLE * radius + (ahead, radius), side, half, _TYRE)
        self.flank(CIRCLE * radius * 0.62 + (ahead, radius), side, half, _RIM)
        self.flank(CIRCLE * radius * 0.2 + (ahead, radius), side, half, _TYRE)

    def underside(self, length: float, half: float, up: float) -> None:
        """The dark below the body, without which it would float."""
        low = np.array([(0.1, 0.02, -half), (0.1, 0.02, half), (length - 0.1, 0.02, half), (length - 0.1, 0.02, -half)])
        self.canvas.polygon(self.world(low), (24, 24, 26), None)
        for ahead, facing in ((0.25, -1.0), (length - 0.25, 1.0)):
            if self.faces_us(np.array([ahead, up, 0.0]), np.array([facing, 0.0, 0.0])):
                self.panel(ahead, (-half + 0.05, 0.12, half - 0.05, up + 0.05), (26, 26, 28), facing)
        for side in self.sides():
            gap = [(0.3, 0.18), (length - 0.3, 0.18), (length - 0.3, up), (0.3, up)]
            self.flank(gap, side, half - 0.1, (22, 22, 24))


def rectangle(a0: float, u0: float, a1: float, u1: float) -> list[tuple[float, float]]:
    """Return the corners (ahead, up) of a rectangle for `flank`."""
    return [(a0, u0), (a1, u0), (a1, u1), (a0, u1)]


def ground_plan(x: float, z: float, yaw: float, length: float, half: float) -> np.ndarray:
    """The body's outline on the road, (4, 2), x and z in metres."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    corners = np.array([(0, -half), (0, half), (length, half), (length, -half)])
    return corners @ np.array([[sin, cos], [cos, -sin]]) + (x, z)
