"""Facades with windows and doors, and the houses that wear them."""

import cv2
import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.item import Item, footprint
from roadseg.scenes.labels import BUILDING
from roadseg.scenes.light import Colour
from roadseg.scenes.textures import bricks, pick, plaster, vary

_FINE, _COARSE = 18, 9  # texture pixels a metre of near and of distant houses
_DISTANT = 32.0  # metres
_WALLS: tuple[Colour, ...] = (
    (206, 192, 166), (198, 170, 128), (150, 88, 70), (178, 174, 170), (222, 216, 206), (186, 150, 130), (160, 170, 180),
)  # fmt: skip
_ROOFS: tuple[Colour, ...] = ((136, 74, 58), (92, 72, 66), (82, 86, 94), (150, 92, 66))
_GLASS: tuple[Colour, ...] = ((52, 62, 76), (74, 88, 104), (40, 44, 52), (110, 126, 142))
_BOARDS: tuple[Colour, ...] = ((150, 50, 44), (50, 90, 70), (60, 70, 110), (190, 150, 70))
_DOORS: tuple[Colour, ...] = ((96, 60, 40), (60, 84, 64), (70, 74, 100), (130, 46, 40))


class _Sheet:
    """A texture to paint on in metres, y up from its lower edge: `pixels` (h, w, 3) uint8, `px` pixels a metre."""

    def __init__(self, pixels: np.ndarray, px: int) -> None:
        self.pixels, self.px = pixels, px

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour) -> None:
        top, px = self.pixels.shape[0], self.px
        corners = (int(x0 * px), int(top - y1 * px)), (int(x1 * px), int(top - y0 * px))
        cv2.rectangle(self.pixels, *corners, colour, -1)


def _window(rng: np.random.Generator, sheet: _Sheet, x: float, y: float, wide: float, frame: Colour) -> None:
    """A window with frame, sill, mullion and now and then a curtain."""
    high = 1.45
    sheet.box(x - 0.1, y - 0.1, x + wide + 0.1, y + high + 0.1, frame)
    sheet.box(x, y, x + wide, y + high, pick(rng, _GLASS))
    if rng.random() < 0.4:
        sheet.box(x, y + rng.uniform(0.5, 1.1), x + wide, y + high, vary(rng, (200, 196, 184)))
    sheet.box(x + wide / 2 - 0.04, y, x + wide / 2 + 0.04, y + high, frame)
    sheet.box(x - 0.2, y - 0.22, x + wide + 0.2, y - 0.1, (150, 146, 140))


def _ground_floor(rng: np.random.Generator, sheet: _Sheet, length: float, frame: Colour) -> None:
    """Shop windows under a coloured board, or a plinth with a door between windows."""
    if rng.random() < 0.35 and length > 5:
        sheet.box(0.4, 0.4, length - 0.4, 2.5, pick(rng, _GLASS))
        for x in np.arange(0.4, length, 2.4):
            sheet.box(x - 0.08, 0.0, x + 0.08, 2.5, frame)
        sheet.box(0.2, 2.5, length - 0.2, 3.0, pick(rng, _BOARDS))
        return
    door = rng.uniform(0.8, max(0.9, length - 2))
    for x in np.arange(0.9, length - 1.3, 2.6):
        if abs(x - door) > 1.5:
            _window(rng, sheet, x, 1.1, 1.1, frame)
    sheet.box(0, 0, length, 0.5, (120, 116, 112))
    sheet.box(door - 0.12, 0, door + 1.12, 2.3, frame)
    sheet.box(door, 0, door + 1.0, 2.15, pick(rng, _DOORS))


def facade(rng: np.random.Generator, length: float, height: float, colour: Colour, px: int) -> np.ndarray:
    """A house front `length` by `height` metres at `px` pixels a metre: (height * px, length * px, 3) uint8."""
    rows, columns = int(height * px), int(length * px)
    brick = colour[0] > 1.5 * colour[2] or rng.random() < 0.15
    blank = bricks(rng, rows, columns, colour, px // 4) if brick else plaster(rng, rows, columns, colour)
    sheet = _Sheet(blank, px)
    frame = vary(rng, (226, 222, 214), 10)
    wide, step = rng.uniform(0.9, 1.5), rng.uniform(2.2, 3.0)
    for y in np.arange(4.0, height - 1.7, 2.9):
        sheet.box(0, y - 1.0, length, y - 0.85, (colour[0] * 0.8, colour[1] * 0.8, colour[2] * 0.8))
        for x in np.arange(0.7, length - wide - 0.3, step):
            _window(rng, sheet, x, y, wide, frame)
    _ground_floor(rng, sheet, length, frame)
    sheet.box(0, height - 0.35, length, height, (colour[0] * 0.7, colour[1] * 0.7, colour[2] * 0.7))
    return sheet.pixels


def _upright(x0: float, z0: float, x1: float, z1: float, low: float, high: float) -> np.ndarray:
    """An upright rectangle from (x0, z0) to (x1, z1): corners (4, 3) from its top left on."""
    return np.array([(x0, high, z0), (x1, high, z1), (x1, low, z1), (x0, low, z0)])


def terrace(
    rng: np.random.Generator, x: float, side: int, span: tuple[float, float], height: float, deep: float
) -> Item:
    """A house along `span`, from z0 to z1, whose front stands at `x`; `side` is -1 left of the road, 1 right of it."""
    z0, z1 = span
    colour, roof = pick(rng, _WALLS), pick(rng, _ROOFS)
    px = _FINE if z0 < _DISTANT else _COARSE
    front = facade(rng, z1 - z0, height, colour, px)
    end = facade(rng, deep, height, colour, px) if rng.random() < 0.5 else plaster(rng, 8 * px, 8 * px, colour)
    rise = rng.uniform(1.5, 3.2) if rng.random() < 0.75 else 0.0
    back = x + side * deep

    def paint(canvas: Canvas) -> None:
        towards_road, towards_us = np.array([-side, 0.0, 0.0]), np.array([0.0, 0.0, -1.0])
        ends = (x, back) if side > 0 else (back, x)
        near = canvas.light.shade(towards_us)
        if rise:
            slope = [(x - side * 0.4, height, z0), (x - side * 0.4, height, z1)]
            ridge = [((x + back) / 2, height + rise, z1), ((x + back) / 2, height + rise, z0)]
            gable = np.array([slope[0], (back, height, z0), ridge[1]])
            canvas.polygon(gable, colour, BUILDING, near)
            canvas.polygon(np.array(slope + ridge), roof, BUILDING, canvas.light.shade(np.array([-side * 0.6, 0.8, 0])))
        canvas.quad(_upright(ends[0], z0, ends[1], z0, 0, height), end, BUILDING, near)
        order = (z0, z1) if side > 0 else (z1, z0)
        texture = front if side < 0 else cv2.flip(front, 1)
        far_left = _upright(x, order[1], x, order[0], 0, height)
        canvas.quad(far_left, texture, BUILDING, canvas.light.shade(towards_road))
        if rise:  # the eaves seen from below
            eaves = [(x, height, z0), (x, height, z1), (x - side * 0.4, height, z1), (x - side * 0.4, height, z0)]
            canvas.polygon(np.array(eaves), (96, 84, 74), BUILDING, 0.7)

    middle = ((x + back) / 2, (z0 + z1) / 2)
    return Item(z1 + 8, paint, footprint(*middle, deep / 2, (z1 - z0) / 2), 0, height)
