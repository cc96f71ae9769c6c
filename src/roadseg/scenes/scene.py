"""Compose a scene, then paint it from far to near."""

from dataclasses import replace

import cv2
import numpy as np

from roadseg.scenes.backdrop import paint_horizon, paint_sky
from roadseg.scenes.camera import random_camera
from roadseg.scenes.canvas import Canvas
from roadseg.scenes.greenery import Nursery
from roadseg.scenes.ground import Street, paint_ground, strip, texture_ground
from roadseg.scenes.heavy import TRAIN_LENGTH, train
from roadseg.scenes.item import Item
from roadseg.scenes.labels import VOID
from roadseg.scenes.light import random_light
from roadseg.scenes.lots import Side, random_odds
from roadseg.scenes.sensor import expose
from roadseg.scenes.textures import vary
from roadseg.scenes.traffic import motor_traffic, people_and_furniture

_TRACK = 4.4  # metres; what a railway beside the road takes


def render_scene(seed: int, index: int, height: int = 375, width: int = 1242) -> tuple[np.ndarray, np.ndarray]:
    """Render scene number `index` of the set `seed`: image (height, width, 3) uint8 RGB, label (height, width) uint8.

    The label holds train ids and 255. The same arguments give the same bytes; another size gives the same scene.

    Example:
        >>> image, label = render_scene(seed=1, index=0, height=96, width=320)
        >>> image.shape, label.shape
        ((96, 320, 3), (96, 320))
        >>> bool((label == 0).any())  # train id 0 is road
        True
    """
    rng = np.random.default_rng([seed, index])
    camera, light, street = random_camera(rng, height, width), random_light(rng), random_street(rng)
    canvas = Canvas(camera, light, height, width)
    track = int(rng.choice([-1, 1])) if rng.random() < 0.45 else 0
    items = _surroundings(rng, canvas, street, track) + motor_traffic(rng, street) + people_and_furniture(rng, street)
    paint_sky(rng, canvas)
    paint_horizon(rng, canvas)
    paint_ground(rng, canvas, street)
    if track:
        _paint_track(rng, canvas, _track_middle(street, track))
    texture_ground(rng, canvas, items)
    for item in sorted(items, key=lambda item: -item.depth):
        item.paint(canvas)
    if not track and rng.random() < 0.6:
        _paint_bonnet(rng, canvas)
    if rng.random() < 0.25:
        _paint_border(rng, canvas)
    return expose(rng, canvas.image), canvas.label


def random_street(rng: np.random.Generator) -> Street:
    """A road of two or three lanes, with or without sidewalks, parking and a junction."""
    lane = rng.uniform(3.1, 3.9)
    parking = (bool(rng.random() < 0.4), bool(rng.random() < 0.4))
    opposite = int(rng.choice([1, 2], p=[0.68, 0.32]))
    return Street(
        left=-lane * (0.5 + opposite) - 2.2 * parking[0] - 0.3,
        right=lane / 2 + 2.2 * parking[1] + 0.3,
        lane=lane,
        walk_left=rng.uniform(1.6, 3.2) if rng.random() < 0.8 else 0.0,
        walk_right=rng.uniform(1.6, 3.2) if rng.random() < 0.8 else 0.0,
        parking=parking,
        junction=rng.uniform(24, 45) if rng.random() < 0.35 else None,
    )


def _track_middle(street: Street, side: int) -> float:
    edge = street.right + street.walk_right if side > 0 else street.left - street.walk_left
    return edge + side * (_TRACK / 2 + 0.6)


def _surroundings(rng: np.random.Generator, canvas: Canvas, street: Street, track: int) -> list[Item]:
    """The lots of both sides, and the train if there is a track."""
    nursery, odds = Nursery(rng, canvas.light), random_odds(rng)
    gaps = [] if street.junction is None else [(street.junction - 6.5, street.junction + 6.5)]
    items: list[Item] = []
    for side, edge in ((-1, street.left - street.walk_left), (1, street.right + street.walk_right)):
        verge = rng.uniform(0.5, 4.0) if rng.random() < 0.6 else 0.1
        outer = edge + side * (verge + (_TRACK + 1.0 if side == track else 0.0))
        lots = Side(rng, nursery, outer, side).fill(odds, gaps)
        # a coach is painted in one piece, and what stands behind the track before all of it
        items += [replace(lot, depth=lot.depth + TRAIN_LENGTH + 2) for lot in lots] if side == track else lots
        if side != track and verge > 0.8:
            row = np.arange(rng.uniform(8, 16), 75, rng.uniform(7, 12))
            items += [nursery.tree(edge + side * 0.7, z, rng.uniform(5, 9)) for z in row]
    if track:
        items += train(rng, _track_middle(street, track), rng.uniform(12, 30), int(rng.integers(1, 4)))
    return items


def _paint_track(rng: np.random.Generator, canvas: Canvas, x: float) -> None:
    """Ballast, sleepers and rails: no class of their own."""
    stone = vary(rng, (136, 124, 112), 8)
    strip(canvas, (x - 1.5, x + 1.5), (2, 130), stone, VOID)
    for z in np.arange(5, 32, 0.7):
        strip(canvas, (x - 1.2, x + 1.2), (z, z + 0.25), (96, 86, 78), None)
    for rail in (x - 0.72, x + 0.72):
        strip(canvas, (rail - 0.05, rail + 0.05), (2, 130), (172, 170, 170), None)


def _paint_bonnet(rng: np.random.Generator, canvas: Canvas) -> None:
    """The own car's bonnet along the lower edge, with the sky shining on its rim."""
    height, width = canvas.label.shape
    low, sag, colour = rng.uniform(0.03, 0.075), rng.uniform(0.02, 0.05), vary(rng, (50, 54, 62), 16)
    across = np.linspace(0, 1, 24)
    rim = np.column_stack((across * width, height * (1 - low + sag * (2 * across - 1) ** 2))).astype(np.int32)
    outline = np.vstack((rim, [(width, height), (0, height)])).astype(np.int32)
    cv2.fillPoly(canvas.image, [outline], colour, cv2.LINE_AA)
    cv2.fillPoly(canvas.label, [outline], (VOID,))
    shine = rim + np.array((0, max(1, height // 90)), np.int32)
    bright = (2.2 * colour[0], 2.2 * colour[1], 2.3 * colour[2])
    cv2.polylines(canvas.image, [shine], False, bright, max(1, height // 180), cv2.LINE_AA)


def _paint_border(rng: np.random.Generator, canvas: Canvas) -> None:
    """The black edge that rectifying a picture leaves on one side."""
    width = canvas.label.shape[1]
    columns = max(1, round(rng.uniform(0.003, 0.01) * width))
    edge = slice(0, columns) if rng.random() < 0.5 else slice(width - columns, width)
    canvas.image[:, edge], canvas.label[:, edge] = 0, VOID
