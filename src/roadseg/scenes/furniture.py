"""Poles and what hangs on them: lamps, traffic signs, traffic lights; bins and benches, which have no class."""

import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.card import CIRCLE, Card
from roadseg.scenes.item import Item, footprint
from roadseg.scenes.labels import LIGHT, POLE, SIGN, VOID
from roadseg.scenes.light import Colour
from roadseg.scenes.textures import pick, vary

_STEEL: tuple[Colour, ...] = ((120, 124, 126), (88, 92, 94), (150, 152, 150), (74, 82, 78))
_RED: Colour = (196, 32, 38)
_WHITE: Colour = (236, 236, 232)
_BLUE: Colour = (28, 82, 170)
_YELLOW: Colour = (240, 190, 30)
_TRIANGLE = np.array([(0, 1.0), (0.95, -0.65), (-0.95, -0.65)])
_DIAMOND = np.array([(0, 1.0), (1.0, 0), (0, -1.0), (-1.0, 0)])
_OCTAGON = np.array([(np.cos(a), np.sin(a)) for a in np.arange(8) * np.pi / 4 + np.pi / 8])
_SQUARE = np.array([(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)])
_BAR = np.array([(-0.65, -0.15), (0.65, -0.15), (0.65, 0.15), (-0.65, 0.15)])
_ARROW = np.array([(-0.13, -0.6), (0.13, -0.6), (0.13, 0.1), (0.4, 0.1), (0, 0.6), (-0.4, 0.1), (-0.13, 0.1)])

# each sign is a stack of (shape, size, colour), the lowest first
_SIGNS: tuple[tuple[tuple[np.ndarray, float, Colour], ...], ...] = (
    ((CIRCLE, 1.0, _RED), (CIRCLE, 0.72, _WHITE), (_BAR, 0.55, (30, 30, 30))),
    ((CIRCLE, 1.0, _RED), (_BAR, 1.0, _WHITE)),
    ((CIRCLE, 1.0, _BLUE), (_ARROW, 1.0, _WHITE)),
    ((_TRIANGLE, 1.1, _RED), (_TRIANGLE, 0.68, _WHITE), (_ARROW, 0.4, (30, 30, 30))),
    ((_DIAMOND, 1.1, _WHITE), (_DIAMOND, 0.85, _YELLOW)),
    ((_OCTAGON, 1.0, _WHITE), (_OCTAGON, 0.92, _RED), (_BAR, 1.0, _WHITE)),
    ((_SQUARE, 1.0, _BLUE), (_TRIANGLE, 0.55, _WHITE)),
)


def _pole(card: Card, tall: float, thick: float, colour: Colour) -> None:
    """A round pole: a lit and a shaded half."""
    dark: Colour = (colour[0] * 0.7, colour[1] * 0.7, colour[2] * 0.7)
    card.box(-thick / 2, 0, thick / 2, tall, dark, POLE)
    card.box(-thick / 2, 0, thick * 0.1, tall, colour, POLE)


def lamp_post(rng: np.random.Generator, x: float, z: float) -> Item:
    """A street lamp whose arm reaches over the road."""
    tall, thick, steel = rng.uniform(6, 8.5), rng.uniform(0.16, 0.24), pick(rng, _STEEL)
    reach = -np.sign(x) * rng.uniform(1.0, 2.0)

    def paint(canvas: Canvas) -> None:
        card = Card(canvas, x, 0, z)
        _pole(card, tall, thick, steel)
        card.limb((0, tall - 0.1), (reach, tall + 0.3), (0.12, 0.1), steel, POLE)
        card.limb((reach * 0.8, tall + 0.28), (reach * 1.3, tall + 0.34), (0.2, 0.14), (196, 196, 190), POLE)
        card.box(-thick, 0, thick, 0.5, steel, POLE)

    return Item(z, paint, footprint(x, z, 0.1, 0.1), 0, tall)


def traffic_sign(rng: np.random.Generator, x: float, z: float) -> Item:
    """One or two signs on a pole."""
    low, thick, steel = rng.uniform(1.9, 2.5), rng.uniform(0.11, 0.16), pick(rng, _STEEL)
    kinds = rng.choice(len(_SIGNS), size=2 if rng.random() < 0.35 else 1, replace=False)
    size = rng.uniform(0.4, 0.52)

    def paint(canvas: Canvas) -> None:
        card = Card(canvas, x, 0, z)
        _pole(card, low + 2 * size * len(kinds), thick, steel)
        for level, kind in enumerate(kinds):
            for shape, scale, colour in _SIGNS[kind]:
                card.polygon(shape * scale * size + (0, low + size * (1 + 2.1 * level)), colour, SIGN)

    return Item(z - 0.05, paint, footprint(x, z, 0.1, 0.1), 0, low + size)


def direction_board(rng: np.random.Generator, x: float, z: float) -> Item:
    """A large board with lettering on two posts."""
    wide, high, low = rng.uniform(1.6, 2.6), rng.uniform(1.0, 1.5), rng.uniform(1.8, 2.6)
    colour, steel = pick(rng, (_BLUE, (20, 110, 70), _YELLOW), 8), pick(rng, _STEEL)
    rows = [(rng.uniform(0.3, 0.8), y) for y in np.linspace(0.25, 0.7, 3)]

    def paint(canvas: Canvas) -> None:
        for post in (-0.35 * wide, 0.35 * wide):
            _pole(Card(canvas, x + post, 0, z), low + 0.2, 0.14, steel)
        card = Card(canvas, x - wide / 2, low, z)
        card.box(0, 0, wide, high, _WHITE, SIGN)
        card.box(0.05, 0.05, wide - 0.05, high - 0.05, colour, SIGN)
        for share, y in rows:
            card.box(0.15, y * high, 0.15 + share * (wide - 0.4), (y + 0.12) * high, _WHITE, SIGN)

    return Item(z - 0.05, paint, footprint(x, z, wide / 2, 0.1), low, low + high)


def _signal(card: Card, x: float, y: float, state: int, shield: bool) -> None:
    """A traffic light's head: a dark box whose lamp number `state` (0 = red) is lit."""
    if shield:
        card.box(x - 0.34, y - 0.15, x + 0.34, y + 1.2, _WHITE, LIGHT)
        card.box(x - 0.3, y - 0.11, x + 0.3, y + 1.16, (24, 24, 26), LIGHT)
    card.box(x - 0.23, y, x + 0.23, y + 1.08, (34, 36, 34), LIGHT)
    lit = ((255, 50, 40), (255, 180, 40), (60, 240, 130))
    unlit = ((80, 30, 28), (84, 64, 28), (28, 70, 44))
    for lamp in range(3):
        level = y + 0.88 - 0.34 * lamp
        card.disc(x, level, 0.15, 0.15, lit[lamp] if lamp == state else unlit[lamp], LIGHT)


def traffic_light(rng: np.random.Generator, x: float, z: float) -> Item:
    """A traffic light beside the road, often with a second one on an arm over it."""
    steel, state, shield = pick(rng, _STEEL), int(rng.choice([0, 0, 1, 2, 2])), bool(rng.random() < 0.5)
    reach = -np.sign(x) * rng.uniform(2.0, 3.6) if rng.random() < 0.6 else 0.0
    thick = rng.uniform(0.14, 0.2)

    def paint(canvas: Canvas) -> None:
        card = Card(canvas, x, 0, z)
        _pole(card, 5.4 if reach else 3.3, thick, steel)
        if reach:
            card.limb((0, 5.3), (reach, 5.5), (0.14, 0.1), steel, POLE)
            _signal(card, reach, 4.5, state, shield)
        _signal(card, 0.0, 2.3, state, shield)

    return Item(z - 0.05, paint, footprint(x, z, 0.15, 0.15), 0, 5)


def bollards(rng: np.random.Generator, x: float, z: float) -> list[Item]:
    """A short row of posts along the kerb."""
    colour = pick(rng, ((200, 60, 50), (70, 72, 76), (220, 218, 210)))
    return [_bollard(x, z + 1.6 * i, colour) for i in range(rng.integers(3, 6))]


def _bollard(x: float, z: float, colour: Colour) -> Item:
    def paint(canvas: Canvas) -> None:
        card = Card(canvas, x, 0, z)
        _pole(card, 1.0, 0.15, colour)
        card.box(-0.075, 0.75, 0.075, 0.88, _WHITE, POLE)

    return Item(z, paint, footprint(x, z, 0.08, 0.08), 0, 1.0)


def litter_bin(rng: np.random.Generator, x: float, z: float) -> Item:
    """A wheeled bin or a cabinet on the sidewalk: nothing that has a class."""
    wide, tall = rng.uniform(0.5, 1.1), rng.uniform(0.9, 1.4)
    colour = pick(rng, ((60, 70, 66), (40, 90, 60), (130, 130, 126), (150, 120, 40)))

    def paint(canvas: Canvas) -> None:
        card = Card(canvas, x, 0, z)
        card.box(-wide / 2, 0.05, wide / 2, tall, colour, VOID)
        card.box(-wide / 2 - 0.04, tall - 0.12, wide / 2 + 0.04, tall, vary(rng, colour), VOID)
        card.box(-wide * 0.3, tall * 0.5, wide * 0.3, tall * 0.6, (190, 190, 186), VOID)

    return Item(z, paint, footprint(x, z, wide / 2, 0.3), 0, tall)
