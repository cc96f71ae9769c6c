"""Everything flat: road, markings, sidewalks, verges, and the shadows on them."""

from dataclasses import dataclass

import cv2
import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.item import Item
from roadseg.scenes.labels import ROAD, SIDEWALK, TERRAIN, VOID
from roadseg.scenes.light import Colour
from roadseg.scenes.textures import noise, pick, vary

FAR = 140.0  # metres; up to here the ground has shape
KERB = 0.13  # metres; height of a sidewalk above the road
_ASPHALT: tuple[Colour, ...] = ((92, 92, 96), (108, 106, 104), (78, 80, 86), (120, 117, 112))
_PAVING: tuple[Colour, ...] = ((164, 156, 150), (150, 146, 144), (172, 158, 146), (150, 134, 126))
_GRASS: tuple[Colour, ...] = ((126, 146, 66), (146, 150, 78), (112, 142, 58), (158, 148, 96))
_PAINT: Colour = (226, 226, 220)
_FINE, _COARSE = np.zeros((2, 256), np.float32)  # contrast of fine and coarse noise by label
_FINE[[ROAD, SIDEWALK, TERRAIN, VOID]] = 0.055, 0.06, 0.16, 0.2
_COARSE[[ROAD, SIDEWALK, TERRAIN, VOID]] = 0.045, 0.05, 0.12, 0.05


@dataclass(frozen=True)
class Street:
    """Where the road's cross-section changes, in metres from the lens; `left` and `right` are the kerbs."""

    left: float
    right: float
    lane: float
    walk_left: float  # width of the sidewalk, 0 = none
    walk_right: float
    parking: tuple[bool, bool]  # left, right
    junction: float | None  # z of a crossing road's middle


def strip(canvas: Canvas, x: tuple[float, float], z: tuple[float, float], colour: Colour, label: int | None,
          y: tuple[float, float] = (0.0, 0.0)) -> None:  # fmt: skip
    """A band along the road, between two x and two z; `y` are the heights at the two x."""
    steps = np.geomspace(max(z[0], 2.0), z[1], 2 + int(6 * np.log(z[1] / max(z[0], 2.0))))
    outline = np.zeros((2 * len(steps), 3))
    outline[:, 0] = np.repeat(x, len(steps))
    outline[:, 1] = np.repeat(y, len(steps))
    outline[:, 2] = np.concatenate((steps, steps[::-1]))
    canvas.fill(outline, colour, label)


def paint_ground(rng: np.random.Generator, canvas: Canvas, street: Street) -> None:
    """Verge, road, crossing road, sidewalks and markings, yet without texture."""
    horizon = int(np.ceil(canvas.camera.horizon))
    canvas.image[horizon:] = np.array(pick(rng, _GRASS), np.uint8)
    canvas.label[horizon:] = TERRAIN
    asphalt, paving = pick(rng, _ASPHALT, 8), pick(rng, _PAVING, 8)
    for inner, width, side in ((street.left, street.walk_left, -1), (street.right, street.walk_right, 1)):
        if width:
            _paint_walk(canvas, (inner, inner + side * width), paving)
    if street.junction is not None:
        strip(canvas, (-90, 90), (street.junction - 4, street.junction + 4), asphalt, ROAD)
    strip(canvas, (street.left, street.right), (2, FAR), asphalt, ROAD)
    _paint_patches(rng, canvas, street, asphalt)
    _paint_markings(rng, canvas, street)


def _paint_walk(canvas: Canvas, x: tuple[float, float], paving: Colour) -> None:
    """A raised sidewalk with its kerb stone and the joints between its slabs."""
    side = np.sign(x[1] - x[0])
    dark: Colour = (paving[0] * 0.86, paving[1] * 0.86, paving[2] * 0.86)
    strip(canvas, x, (2, FAR), paving, SIDEWALK, (KERB, KERB))
    for z in np.arange(5.0, 30.0, 1.25):
        strip(canvas, (x[0], x[1]), (z, z + 0.05), dark, None, (KERB, KERB))
    strip(canvas, (x[0], x[0] + side * 0.2), (2, FAR), (182, 178, 172), SIDEWALK, (KERB, KERB))
    strip(canvas, (x[0], x[0]), (2, FAR), dark, SIDEWALK, (0.0, KERB))


def _paint_patches(rng: np.random.Generator, canvas: Canvas, street: Street, asphalt: Colour) -> None:
    """Repaired places and tar joints in the asphalt."""
    for _ in range(rng.integers(1, 6)):
        x, z = rng.uniform(street.left, street.right - 1), rng.uniform(6, 40)
        far = z + rng.uniform(1, 12)
        strip(canvas, (x, min(x + rng.uniform(0.1, 1.6), street.right)), (z, far), vary(rng, asphalt, 5), None)


def _paint_markings(rng: np.random.Generator, canvas: Canvas, street: Street) -> None:
    """Edge lines, a dashed or solid line between lanes, and a zebra crossing before a junction."""
    paint = vary(rng, _PAINT, 8)
    breaks = [(2.0, FAR)] if street.junction is None else [(2.0, street.junction - 8), (street.junction + 8, FAR)]
    lines = np.arange(-street.lane / 2, street.left + 1.5 + 2.2 * street.parking[0], -street.lane)
    edge = street.right - (2.2 if street.parking[1] else 0.25)
    offset, dashed = rng.uniform(0, 6), rng.random() < 0.75
    for near, far in breaks:
        strip(canvas, (edge, edge + 0.13), (near, far), paint, None)
        for x in lines:
            for z in np.arange(near + offset, min(far, 75), 7.5) if dashed else ():
                strip(canvas, (x - 0.08, x + 0.08), (z, min(z + 3.2, far)), paint, None)
            if not dashed:
                strip(canvas, (x - 0.08, x + 0.08), (near, far), paint, None)
    if street.junction is not None:
        for x in np.arange(street.left + 0.4, street.right - 0.5, 1.0):
            strip(canvas, (x, x + 0.5), (street.junction - 7.5, street.junction - 4.6), paint, None)


def _sunlight(canvas: Canvas, items: list[Item], first: int) -> np.ndarray:
    """How much sun each pixel from row `first` on gets, (R, W) float32: 1 in the light, less in a shadow."""
    mask = np.zeros(canvas.label.shape, np.uint8)
    light = canvas.light
    for item in items:
        if item.outline is None:
            continue
        swept = np.concatenate((light.cast(item.outline, item.low), light.cast(item.outline, item.high)))
        hull = cv2.convexHull(swept.astype(np.float32))[:, 0]
        ground = np.column_stack((hull[:, 0], np.zeros(len(hull)), hull[:, 1]))
        cv2.fillPoly(mask, [np.rint(canvas.camera.project(ground)).astype(np.int32)], 255)
    soft = cv2.blur(mask[first:], (3, 5))
    return 1 - soft * np.float32(1.1 * light.direct / 255)


def _grain(rng: np.random.Generator, x: np.ndarray, z: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The brightness that each surface's own texture adds, (R, W) float32, about 0."""
    tile = noise(rng, 256, 256, (16, 64, 200))
    tile = np.block([[tile, tile[:, ::-1]], [tile[::-1], tile[::-1, ::-1]]])  # mirrored: no seam where it repeats
    wide = np.ones_like(x)
    fine = cv2.remap(tile, x * 40, z * 25 % 511 * wide, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    coarse = cv2.remap(tile, x * 3 + 50, z * 1.5 % 511 * wide, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    fine *= np.minimum(1, 14 / z)  # with distance it averages out
    return cv2.LUT(label, _FINE) * fine + cv2.LUT(label, _COARSE) * coarse


def texture_ground(rng: np.random.Generator, canvas: Canvas, items: list[Item]) -> None:
    """Give every ground pixel its grain, the shadows of the items and its haze."""
    height, width = canvas.label.shape
    light, first = canvas.light, int(np.ceil(canvas.camera.horizon)) + 1
    x, z = canvas.camera.ground(np.arange(first, height) + 0.5, np.arange(width) + 0.5)
    fog = 1 - np.exp(-z / np.float32(light.sight))
    bright = (1 + _grain(rng, x, z, canvas.label[first:])) * _sunlight(canvas, items, first)
    bright *= (1 - fog) * np.float32(light.shade(np.array([0.0, 1.0, 0.0])))
    ground = canvas.image[first:] * cv2.merge((bright, bright, bright))
    ground += (fog * np.array(light.haze, np.float32))[:, None]
    canvas.image[first:] = cv2.convertScaleAbs(ground)
