"""Fences and walls: long strips beside the road, cut into short pieces so that they follow its bend."""

from itertools import pairwise

import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.item import Item
from roadseg.scenes.labels import FENCE, WALL
from roadseg.scenes.light import Colour
from roadseg.scenes.textures import bars, bricks, mesh, pick, plaster, vary

_PIECE, _THICK = 4.0, 0.3  # metres
_STONE: tuple[Colour, ...] = ((150, 148, 142), (132, 128, 124), (168, 158, 140))
_BRICK: tuple[Colour, ...] = ((138, 72, 56), (156, 96, 70), (122, 66, 58))
_METAL: tuple[Colour, ...] = ((38, 44, 42), (66, 92, 78), (150, 154, 156))
_WOOD: tuple[Colour, ...] = ((168, 130, 88), (136, 98, 66), (222, 216, 204))


def _fence_texture(rng: np.random.Generator, tall: float) -> np.ndarray:
    """A piece of railing, pickets or netting, (h, w, 4) uint8."""
    height, width = int(56 * tall), 224
    kind = rng.random()
    if kind < 0.4:
        return bars(rng, height, width, pick(rng, _METAL), 9, 3)
    if kind < 0.8:
        return bars(rng, height, width, pick(rng, _WOOD), 12, 8)
    return mesh(height, width, pick(rng, ((150, 156, 152), (84, 110, 92))), 8)


def _wall_texture(rng: np.random.Generator, tall: float) -> np.ndarray:
    """Bricks, or concrete slabs between posts, under a coping: (h, w, 3) uint8."""
    height, width = int(40 * tall), 160
    if rng.random() < 0.5:
        sheet = bricks(rng, height, width, pick(rng, _BRICK), 5)
    else:
        sheet = plaster(rng, height, width, pick(rng, _STONE), 0.09)
        sheet[:, ::80] = sheet[:, ::80] // 2
        sheet[height // 2] = sheet[height // 2] // 2
    sheet[:5] = np.array(vary(rng, (176, 172, 166)), np.uint8)
    return sheet


def _run(x: float, z0: float, z1: float, tall: float, texture: np.ndarray, label: int) -> list[Item]:
    """Pieces of a barrier of `tall` metres at `x`, from z0 to z1."""
    edges = np.linspace(z0, z1, max(2, round((z1 - z0) / _PIECE) + 1))
    return [_piece(x, a, b, tall, texture, label) for a, b in pairwise(edges)]


def _piece(x: float, z0: float, z1: float, tall: float, texture: np.ndarray, label: int) -> Item:
    side, thick = float(np.sign(x)), _THICK if label == WALL else 0.0

    def paint(canvas: Canvas) -> None:
        if thick:
            end = np.array([(x, tall, z0), (x + side * thick, tall, z0), (x + side * thick, 0, z0), (x, 0, z0)])
            canvas.quad(end, texture[:, :40], label, canvas.light.shade(np.array([0.0, 0.0, -1.0])))
        corners = np.array([(x, tall, z1), (x, tall, z0), (x, 0, z0), (x, 0, z1)])
        if label == FENCE:  # a fence is labelled as one area, gaps and all
            canvas.mark(corners, FENCE)
        canvas.quad(corners, texture, label, canvas.light.shade(np.array([-side, 0.0, 0.0])))

    outline = np.array([(x, z0), (x + side * 0.1, z0), (x + side * 0.1, z1), (x, z1)])
    return Item(z1 + 2.5, paint, outline if thick else None, 0, tall)


def fence(rng: np.random.Generator, x: float, z0: float, z1: float) -> list[Item]:
    """A fence at `x` from z0 to z1 metres."""
    tall = rng.uniform(1.1, 1.9)
    return _run(x, z0, z1, tall, _fence_texture(rng, tall), FENCE)


def wall(rng: np.random.Generator, x: float, z0: float, z1: float) -> list[Item]:
    """A wall at `x` from z0 to z1 metres."""
    tall = rng.uniform(1.6, 3.0)
    return _run(x, z0, z1, tall, _wall_texture(rng, tall), WALL)
