"""The long vehicles: buses with rows of windows, trucks with a box behind the cab, trains on rails."""

import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.item import Item
from roadseg.scenes.labels import BUS, TRAIN, TRUCK
from roadseg.scenes.light import Colour
from roadseg.scenes.solid import Solid, ground_plan, rectangle
from roadseg.scenes.textures import pick, vary

_GLASS: Colour = (40, 50, 60)
_DARK: Colour = (40, 40, 44)
_LAMP: Colour = (186, 24, 26)
BUS_LENGTH, TRUCK_LENGTH, TRAIN_LENGTH = 11.0, 8.4, 15.0  # metres
_LIVERIES: tuple[Colour, ...] = ((238, 186, 34), (206, 40, 34), (232, 120, 28), (60, 150, 190))
_BOXES: tuple[Colour, ...] = ((236, 236, 232), (214, 206, 186), (70, 110, 80), (230, 228, 230))
_CABS: tuple[Colour, ...] = ((46, 84, 150), (236, 236, 232), (60, 120, 80), (150, 40, 40))
_TRAINS: tuple[tuple[Colour, Colour], ...] = (
    ((222, 222, 224), (190, 30, 40)), ((206, 212, 218), (30, 80, 160)), ((226, 224, 216), (30, 130, 110)),
)  # fmt: skip


def _seen(solid: Solid, ahead: float, facing: float) -> bool:
    return solid.faces_us(np.array([ahead, 1.5, 0.0]), np.array([facing, 0.0, 0.0]))


def _block(solid: Solid, span: tuple[float, float], up: tuple[float, float], half: float, colour: Colour) -> None:
    """A plain box between two places ahead and two heights."""
    (a0, a1), (u0, u1) = span, up
    outline = np.array([(a0, u0), (a0, u1), (a1, u1), (a1, u0)])
    for side in solid.sides():
        solid.flank(outline, side, half, colour)
    solid.extrude(outline, np.full(4, half), [colour, colour, colour, _DARK])


def _bus_flank(solid: Solid, side: float, length: float, trim: Colour) -> None:
    solid.flank(rectangle(0.3, 1.35, length - 0.15, 2.55), side, 1.26, _GLASS)
    for a in np.arange(1.6, length - 1.0, 1.45):
        solid.flank(rectangle(a, 1.35, a + 0.12, 2.55), side, 1.265, trim)
    for a in (length * 0.45, length - 1.6):
        solid.flank(rectangle(a, 0.4, a + 1.1, 2.5), side, 1.27, (70, 82, 94))
        solid.flank(rectangle(a + 0.5, 0.4, a + 0.6, 2.5), side, 1.275, _DARK)
    solid.flank(rectangle(0.1, 0.75, length - 0.1, 0.95), side, 1.265, trim)
    for a in (2.6, length - 2.6):
        solid.wheel(a, 0.5, side, 1.28)


def _bus_ends(solid: Solid, length: float) -> None:
    if _seen(solid, 0, -1):
        solid.panel(-0.02, (-1.05, 1.7, 1.05, 2.6), _GLASS, -1)
        solid.panel(-0.02, (-0.8, 0.6, 0.8, 1.2), (70, 60, 50), -1)
        for r in (-1.15, 0.9):
            solid.panel(-0.03, (r, 0.7, r + 0.25, 1.35), _LAMP, -1)
    if _seen(solid, length, 1):
        solid.panel(length + 0.02, (-1.15, 1.15, 1.15, 2.5), _GLASS, 1)
        solid.panel(length + 0.03, (-0.9, 2.58, 0.9, 2.9), (20, 20, 22), 1)
        solid.panel(length + 0.04, (-0.6, 2.64, 0.5, 2.84), (250, 170, 40), 1)
        for r in (-1.1, 0.75):
            solid.panel(length + 0.03, (r, 0.6, r + 0.35, 0.85), (244, 244, 234), 1)


def bus(rng: np.random.Generator, x: float, z: float, yaw: float) -> Item:
    """A city bus whose rear is at (x, z)."""
    colour, trim = pick(rng, _LIVERIES, 8), vary(rng, (226, 224, 220), 6)

    def paint(canvas: Canvas) -> None:
        solid = Solid(canvas, x, z, yaw, BUS)
        solid.underside(BUS_LENGTH, 1.25, 0.45)
        _block(solid, (0, BUS_LENGTH), (0.35, 3.1), 1.25, colour)
        for side in solid.sides():
            _bus_flank(solid, side, BUS_LENGTH, trim)
        _bus_ends(solid, BUS_LENGTH)

    plan = ground_plan(x, z, yaw, BUS_LENGTH, 1.25)
    return Item(float(plan[:, 1].mean()), paint, plan, 0, 3.1)


def _truck_box(solid: Solid, colour: Colour, tall: float) -> None:
    """The box: ribs and a stripe on its flank, doors with bolts at its rear."""
    line: Colour = (colour[0] * 0.78, colour[1] * 0.78, colour[2] * 0.78)
    _block(solid, (0, 6.0), (1.0, tall), 1.25, colour)
    for side in solid.sides():
        for a in np.arange(0.5, 6.0, 0.75):
            solid.flank(rectangle(a, 1.05, a + 0.1, tall - 0.05), side, 1.26, line)
    if _seen(solid, 0, -1):
        for r in (-0.03, -0.8, 0.74):
            solid.panel(-0.01, (r, 1.05, r + 0.06, tall - 0.1), line, -1)
        solid.panel(-0.02, (-1.25, 0.8, 1.25, 1.05), (220, 60, 40), -1)
        for r in (-1.2, -0.2, 0.7):
            solid.panel(-0.03, (r, 0.82, r + 0.4, 1.03), (236, 232, 226), -1)


def _truck_cab(solid: Solid, colour: Colour, length: float) -> None:
    outline = np.array([(6.25, 0.6), (6.25, 2.75), (7.9, 2.75), (length, 1.7), (length, 0.6)])
    half = np.full(5, 1.18)
    for side in solid.sides():
        solid.flank(outline, side, half, colour)
        solid.flank([(7.0, 1.7), (7.05, 2.45), (7.8, 2.45), (8.15, 1.7)], side, 1.19, _GLASS)
    solid.extrude(outline, half, [colour, colour, _GLASS, colour, _DARK])
    if _seen(solid, length, 1):
        solid.panel(length + 0.02, (-0.8, 1.0, 0.8, 1.45), _DARK, 1)
        for r in (-1.1, 0.75):
            solid.panel(length + 0.03, (r, 0.7, r + 0.35, 0.95), (244, 244, 234), 1)


def truck(rng: np.random.Generator, x: float, z: float, yaw: float) -> Item:
    """A lorry whose rear is at (x, z): a box on a frame behind a cab."""
    box, cab, tall = pick(rng, _BOXES, 8), pick(rng, _CABS), rng.uniform(3.2, 3.8)

    def paint(canvas: Canvas) -> None:
        solid = Solid(canvas, x, z, yaw, TRUCK)
        solid.underside(TRUCK_LENGTH, 1.15, 1.0)
        parts = [lambda: _truck_cab(solid, cab, TRUCK_LENGTH), lambda: _truck_box(solid, box, tall)]
        for part in parts if np.cos(yaw) > 0 else parts[::-1]:
            part()
        for side in solid.sides():
            for a in (1.2, 2.3, 7.2):
                solid.wheel(a, 0.5, side, 1.22)
        if _seen(solid, 0, -1):
            for r in (-1.1, 0.7):
                solid.panel(0.0, (r, 0.1, r + 0.4, 0.8), (30, 30, 32), -1)

    plan = ground_plan(x, z, yaw, TRUCK_LENGTH, 1.25)
    return Item(float(plan[:, 1].mean()), paint, plan, 0, tall)


def _train_flank(solid: Solid, side: float, stripe: Colour) -> None:
    solid.flank(rectangle(0, 1.0, TRAIN_LENGTH, 1.55), side, 1.46, stripe)
    solid.flank(rectangle(0, 3.45, TRAIN_LENGTH, 3.7), side, 1.46, stripe)
    for a in np.arange(0.7, TRAIN_LENGTH - 1.2, 1.9):
        solid.flank(rectangle(a, 1.95, a + 1.4, 2.95), side, 1.465, _GLASS)
    for a in (3.2, 10.8):
        solid.flank(rectangle(a, 0.95, a + 1.3, 3.1), side, 1.47, stripe)
        solid.flank(rectangle(a + 0.25, 1.9, a + 1.05, 2.9), side, 1.475, _GLASS)
    for a in (1.6, 3.0, 12.0, 13.4):
        solid.wheel(a, 0.42, side, 1.3)


def train_coach(body: Colour, stripe: Colour, x: float, z: float, yaw: float = 0.0) -> Item:
    """One coach of a train whose rear is at (x, z)."""

    def paint(canvas: Canvas) -> None:
        solid = Solid(canvas, x, z, yaw, TRAIN)
        solid.underside(TRAIN_LENGTH, 1.4, 0.8)
        _block(solid, (0, TRAIN_LENGTH), (0.75, 3.8), 1.45, body)
        for side in solid.sides():
            _train_flank(solid, side, stripe)
        for ahead, facing in ((-0.02, -1.0), (TRAIN_LENGTH + 0.02, 1.0)):
            if _seen(solid, ahead, facing):
                solid.panel(ahead, (-1.45, 0.75, 1.45, 1.6), stripe, facing)
                solid.panel(ahead, (-1.15, 1.9, 1.15, 3.1), _GLASS, facing)
                solid.panel(ahead, (-1.1, 1.2, -0.8, 1.45), (255, 246, 214), facing)
                solid.panel(ahead, (0.8, 1.2, 1.1, 1.45), (255, 246, 214), facing)

    plan = ground_plan(x, z, yaw, TRAIN_LENGTH, 1.45)
    return Item(float(plan[:, 1].max()) + 1, paint, plan, 0, 3.8)


def train(rng: np.random.Generator, x: float, z: float, coaches: int) -> list[Item]:
    """A train along the road at `x`, its near end at z."""
    body, stripe = _TRAINS[rng.integers(len(_TRAINS))]
    body, stripe = vary(rng, body, 8), vary(rng, stripe, 10)
    return [train_coach(body, stripe, x, z + i * (TRAIN_LENGTH + 0.4)) for i in range(coaches)]
