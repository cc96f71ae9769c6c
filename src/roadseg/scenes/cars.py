"""Cars: saloons, hatchbacks, off-roaders and vans of one make-up, with windows, lights and wheels."""

import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.card import CIRCLE
from roadseg.scenes.item import Item
from roadseg.scenes.labels import CAR
from roadseg.scenes.light import Colour
from roadseg.scenes.solid import Solid, ground_plan, rectangle
from roadseg.scenes.textures import pick, vary

_PAINTS: tuple[Colour, ...] = (
    (196, 200, 204), (40, 42, 46), (104, 108, 114), (228, 228, 226), (150, 26, 30), (30, 52, 104), (120, 124, 130),
    (64, 88, 112), (50, 70, 58), (170, 160, 140),
)  # fmt: skip
_GLASS: Colour = (44, 54, 64)
_SKY_IN_GLASS: Colour = (84, 98, 110)

# outlines (ahead, up), rear to front: bumper, boot, rear window, roof, windscreen, bonnet, nose
_SHAPES = (
    ((0, 0.3), (0, 0.93), (0.65, 0.98), (1.25, 1.42), (2.6, 1.45), (3.35, 0.98), (4.4, 0.78), (4.5, 0.32)),
    ((0, 0.3), (0.02, 0.85), (0.1, 0.95), (0.5, 1.46), (2.2, 1.5), (2.95, 0.98), (3.85, 0.8), (3.95, 0.32)),
    ((0, 0.4), (0, 1.0), (0.1, 1.08), (0.4, 1.72), (2.7, 1.76), (3.4, 1.12), (4.5, 0.98), (4.6, 0.4)),
    ((0, 0.35), (0, 1.0), (0.03, 1.1), (0.12, 1.95), (3.2, 2.0), (4.1, 1.2), (4.75, 1.0), (4.85, 0.35)),
)
CAR_LENGTH = 4.6  # metres, about


def _inset(points: np.ndarray, share: float) -> np.ndarray:
    middle = points.mean(axis=0)
    return middle + (points - middle) * share


def _flank(solid: Solid, outline: np.ndarray, half: np.ndarray, side: float, paint: Colour) -> None:
    """The side: sheet metal, a window band with a pillar, door joints, wheels."""
    solid.flank(outline, side, half, paint)
    dark: Colour = (paint[0] * 0.6, paint[1] * 0.6, paint[2] * 0.6)
    length, belt = outline[7, 0], outline[2, 1]
    light: Colour = (paint[0] * 0.7 + 70, paint[1] * 0.7 + 70, paint[2] * 0.7 + 72)
    solid.flank(rectangle(0.1, 0.3, length - 0.1, 0.42), side, half[0], dark)
    glass, pane = _inset(outline[2:6], 0.84), half[3:5].mean() + 0.05
    solid.flank(glass, side, pane, _GLASS)
    solid.flank(_inset(glass, 0.9) * (1, 0.6) + (0, 0.4 * glass[:, 1].max()), side, pane, _SKY_IN_GLASS)
    pillar = outline[3:5, 0].mean()
    roof = outline[3, 1]
    solid.flank(rectangle(pillar, belt, pillar + 0.09, roof), side, half[3] + 0.06, paint)
    solid.flank(rectangle(pillar, 0.4, pillar + 0.03, belt), side, half[0], dark)
    solid.flank(rectangle(0.05, belt - 0.13, 0.8 * length, belt - 0.08), side, half[0], light)
    for ahead in (0.2 * length, 0.82 * length):
        solid.flank(CIRCLE * 0.4 + (ahead, 0.36), side, half[0], (22, 22, 24))
        solid.wheel(ahead, 0.33, side, half[0] + 0.01)


def _rear(solid: Solid, outline: np.ndarray, half: float) -> None:
    """Tail lamps, plate and bumper."""
    top = outline[1, 1]
    for side in (-1, 1):
        lamp = sorted((side * (half - 0.02), side * (half - 0.34)))
        solid.panel(-0.01, (lamp[0], top - 0.25, lamp[1], top - 0.04), (176, 22, 24), -1)
    solid.panel(-0.02, (-0.27, 0.55, 0.27, 0.68), (226, 222, 200), -1)
    solid.panel(-0.02, (-half, 0.3, half, 0.45), (46, 46, 50), -1)


def _front(solid: Solid, outline: np.ndarray, half: float) -> None:
    """Head lamps, grille and plate."""
    ahead, top = outline[7, 0] + 0.01, outline[6, 1]
    for side in (-1, 1):
        lamp = sorted((side * (half - 0.03), side * (half - 0.4)))
        solid.panel(ahead, (lamp[0], top - 0.2, lamp[1], top - 0.02), (240, 240, 232), 1)
    solid.panel(ahead, (-0.45, top - 0.22, 0.45, top - 0.04), (34, 34, 38), 1)
    solid.panel(ahead, (-half, 0.32, half, 0.44), (44, 44, 48), 1)
    solid.panel(ahead + 0.01, (-0.26, 0.42, 0.26, 0.53), (230, 228, 214), 1)


def _screens(solid: Solid, outline: np.ndarray, half: np.ndarray) -> None:
    """Rear window and windscreen, set into the body's own slopes."""
    for i in (2, 4):
        (a0, u0), (a1, u1) = outline[i], outline[i + 1]
        quad = np.array([(a0, u0, -half[i]), (a0, u0, half[i]), (a1, u1, half[i + 1]), (a1, u1, -half[i + 1])])
        normal = np.array([-(u1 - u0), a1 - a0, 0.0]) / np.hypot(u1 - u0, a1 - a0)
        if solid.faces_us((quad[0] + quad[2]) / 2, normal):
            solid.face(_inset(quad, 0.86), normal, _GLASS)
            solid.face(_inset(np.vstack((quad[2:], (quad[2:] * 2 + quad[1::-1]) / 3)), 0.8), normal, _SKY_IN_GLASS)


def car(rng: np.random.Generator, x: float, z: float, yaw: float) -> Item:
    """A car whose rear is at (x, z); yaw 0 drives away from us, pi comes towards us."""
    outline = np.array(_SHAPES[rng.choice(4, p=(0.35, 0.35, 0.2, 0.1))])
    outline = outline * (rng.uniform(0.95, 1.05), rng.uniform(0.97, 1.04))
    half = np.full(8, rng.uniform(0.85, 0.93))
    half[3:5] -= 0.16
    colour = pick(rng, _PAINTS)
    roof = vary(rng, colour, 6)

    def paint(canvas: Canvas) -> None:
        solid = Solid(canvas, x, z, yaw, CAR)
        solid.underside(outline[7, 0], half[0], 0.4)
        for side in solid.sides():
            _flank(solid, outline, half, side, colour)
        solid.extrude(outline, half, [colour, colour, colour, roof, colour, colour, colour, (30, 30, 32)])
        _screens(solid, outline, half)
        if solid.faces_us(np.array([0.0, 0.8, 0.0]), np.array([-1.0, 0.0, 0.0])):
            _rear(solid, outline, half[0])
        if solid.faces_us(np.array([outline[7, 0], 0.8, 0.0]), np.array([1.0, 0.0, 0.0])):
            _front(solid, outline, half[0])

    plan = ground_plan(x, z, yaw, outline[7, 0], half[0])
    return Item(float(plan[:, 1].mean()), paint, plan, 0, 1.3)
