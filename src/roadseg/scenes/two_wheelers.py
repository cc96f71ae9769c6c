"""Bicycles and motorcycles, parked or with their riders."""

import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.card import Card
from roadseg.scenes.item import Item, footprint
from roadseg.scenes.labels import BICYCLE, MOTORCYCLE, RIDER
from roadseg.scenes.light import Colour
from roadseg.scenes.people import SHIRTS, SKIN, TROUSERS
from roadseg.scenes.textures import pick

_HELMETS: tuple[Colour, ...] = ((240, 240, 240), (200, 40, 40), (40, 60, 150), (240, 200, 40))
_FRAMES: tuple[Colour, ...] = ((170, 40, 40), (40, 90, 150), (30, 30, 34), (210, 210, 206), (60, 140, 90))
_TYRE: Colour = (26, 26, 28)
Outfit = tuple[Colour, Colour, Colour, Colour]  # skin, shirt, trousers, helmet


def _spokes(card: Card, x: float, radius: float, thick: float, label: int, hub: Colour) -> None:
    """A wheel seen from the side; its whole disc gets the label."""
    card.disc(x, radius, radius, radius, _TYRE, label)
    card.disc(x, radius, radius - thick, radius - thick, hub, label)
    for angle in np.arange(0, np.pi, np.pi / 4):
        reach = (radius - thick) * np.array([np.cos(angle), np.sin(angle)])
        card.limb((x - reach[0], radius - reach[1]), (x + reach[0], radius + reach[1]), (0.02, 0.02), _TYRE, label)


def _bicycle(card: Card, colour: Colour) -> None:
    for x in (-0.52, 0.52):
        _spokes(card, x, 0.36, 0.05, BICYCLE, (140, 138, 132))
    card.polygon([(-0.52, 0.36), (-0.2, 0.86), (0.4, 0.86), (-0.05, 0.3)], (126, 122, 118), BICYCLE)
    rear, seat, head, crank, front = (-0.52, 0.36), (-0.2, 0.86), (0.4, 0.88), (-0.05, 0.3), (0.52, 0.36)
    for start, end in ((rear, seat), (rear, crank), (seat, crank), (seat, head), (head, crank), (head, front)):
        card.limb(start, end, (0.06, 0.06), colour, BICYCLE)
    card.limb((0.4, 0.86), (0.34, 1.08), (0.05, 0.05), colour, BICYCLE)
    card.box(0.2, 1.04, 0.42, 1.1, _TYRE, BICYCLE)
    card.box(-0.34, 0.9, -0.06, 0.98, _TYRE, BICYCLE)


def _motorcycle(card: Card, colour: Colour) -> None:
    for x in (-0.68, 0.72):
        _spokes(card, x, 0.34, 0.12, MOTORCYCLE, (120, 120, 124))
    card.polygon([(-0.55, 0.3), (0.45, 0.26), (0.5, 0.7), (-0.4, 0.7)], (60, 60, 66), MOTORCYCLE)
    card.polygon([(-0.25, 0.3), (0.2, 0.28), (0.2, 0.52), (-0.25, 0.52)], (150, 150, 154), MOTORCYCLE)
    card.polygon([(-1.0, 0.72), (-0.95, 0.88), (-0.3, 0.78), (-0.1, 0.7), (-0.6, 0.62)], _TYRE, MOTORCYCLE)
    card.polygon([(-0.2, 0.68), (-0.1, 0.94), (0.35, 0.98), (0.52, 0.72)], colour, MOTORCYCLE)
    card.polygon([(0.4, 0.6), (0.4, 1.05), (0.62, 1.2), (0.78, 0.8), (0.6, 0.55)], colour, MOTORCYCLE)
    card.limb((0.5, 0.95), (0.72, 0.34), (0.1, 0.08), (150, 150, 154), MOTORCYCLE)
    card.limb((0.2, 1.08), (0.5, 1.04), (0.05, 0.05), _TYRE, MOTORCYCLE)
    card.limb((-0.2, 0.28), (-0.95, 0.4), (0.12, 0.14), (170, 170, 174), MOTORCYCLE)


def _rider(card: Card, seat: tuple[float, float], hand: tuple[float, float], foot: tuple[float, float], motor: bool,
           colours: Outfit) -> None:  # fmt: skip
    """A rider between saddle, handlebar and pedal, all (x, y) in metres."""
    skin, shirt, legs, helmet = colours
    knee = (seat[0] + 0.42, seat[1] - 0.12)
    shoulder = (seat[0] + 0.2, seat[1] + 0.56)
    for lift in (0.1, 0.0):
        card.limb(seat, (knee[0], knee[1] + lift), (0.22, 0.16), legs, RIDER)
        card.limb((knee[0], knee[1] + lift), (foot[0], foot[1] + lift), (0.15, 0.1), legs, RIDER)
    card.box(foot[0] - 0.08, foot[1] - 0.06, foot[0] + 0.18, foot[1] + 0.05, (36, 32, 30), RIDER)
    card.limb((seat[0] - 0.02, seat[1] - 0.06), shoulder, (0.32, 0.36), shirt, RIDER)
    elbow = ((shoulder[0] + hand[0]) / 2 - 0.02, (shoulder[1] + hand[1]) / 2 - 0.12)
    shade: Colour = (shirt[0] * 0.75, shirt[1] * 0.75, shirt[2] * 0.75)
    card.limb(shoulder, elbow, (0.14, 0.11), shade, RIDER)
    card.limb(elbow, hand, (0.11, 0.08), shade, RIDER)
    head = (shoulder[0] + 0.1, shoulder[1] + 0.26)
    card.disc(*head, 0.12, 0.14, helmet if motor else skin, RIDER)
    top = [(-0.15, 0.02), (-0.1, 0.15), (0.04, 0.18), (0.15, 0.06)]
    card.polygon([(head[0] + u, head[1] + v) for u, v in top], helmet, RIDER)
    if motor:
        card.box(head[0] + 0.02, head[1] - 0.05, head[0] + 0.13, head[1] + 0.05, (30, 30, 40), RIDER)


def _behind(card: Card, motor: bool, ridden: bool, frame: Colour, colours: Outfit) -> None:
    """A two-wheeler seen from behind."""
    label, wide = (MOTORCYCLE, 0.2) if motor else (BICYCLE, 0.11)
    skin, shirt, legs, helmet = colours
    card.limb((-0.36, 1.02), (0.36, 1.02), (0.06, 0.06), _TYRE, label)
    card.box(-wide / 2, 0, wide / 2, 0.7, _TYRE, label)
    card.box(-wide, 0.45, wide, 0.88, frame, label)
    card.box(-0.06, 0.6, 0.06, 0.7, (200, 24, 26), label)
    if motor:
        card.box(-0.3, 0.3, 0.3, 0.62, (60, 60, 66), label)
    if not ridden:
        return
    for side, foot in ((-1, 0.3), (1, 0.45)):
        card.limb((side * 0.12, 0.92), (side * 0.26, foot + 0.25), (0.2, 0.15), legs, RIDER)
        card.limb((side * 0.26, foot + 0.25), (side * 0.2, foot - 0.15), (0.15, 0.11), legs, RIDER)
        card.limb((side * 0.22, 1.4), (side * 0.36, 1.05), (0.13, 0.1), shirt, RIDER)
    card.polygon([(-0.19, 0.82), (0.19, 0.82), (0.27, 1.4), (0.16, 1.5), (-0.16, 1.5), (-0.27, 1.4)], shirt, RIDER)
    card.disc(0, 1.64, 0.12, 0.15, helmet if motor else skin, RIDER)
    card.polygon([(-0.13, 1.64), (-0.11, 1.78), (0.11, 1.78), (0.13, 1.64)], helmet, RIDER)


def two_wheeler(rng: np.random.Generator, x: float, z: float, motor: bool, ridden: bool, behind: bool) -> Item:
    """A bicycle or motorcycle at (x, z), with or without its rider, from behind or more or less from the side."""
    frame = pick(rng, _FRAMES)
    colours = pick(rng, SKIN), pick(rng, SHIRTS), pick(rng, TROUSERS), pick(rng, _HELMETS)
    # parked ones stand about square to the view, ridden ones go more along the road
    turn = rng.choice([-1, 1]) * (rng.uniform(0.35, 1.05) if ridden else rng.uniform(0, 0.6)) + np.pi * rng.integers(2)

    def paint(canvas: Canvas) -> None:
        card = Card(canvas, x, 0.03, z, 0.0 if behind else turn)
        if behind:
            _behind(card, motor, ridden, frame, colours)
            return
        (_motorcycle if motor else _bicycle)(card, frame)
        if ridden and motor:
            _rider(card, (-0.35, 0.84), (0.3, 1.08), (0.05, 0.3), motor, colours)
        elif ridden:
            _rider(card, (-0.2, 0.96), (0.32, 1.08), (0.02, 0.18), motor, colours)

    return Item(z, paint, footprint(x, z, 0.2 if behind else 0.6, 0.3), 0, 1.6 if ridden else 0.9)
