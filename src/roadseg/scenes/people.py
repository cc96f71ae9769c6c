"""People on foot."""

import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.card import Card
from roadseg.scenes.item import Item, footprint
from roadseg.scenes.labels import PERSON
from roadseg.scenes.light import Colour
from roadseg.scenes.textures import pick

SKIN: tuple[Colour, ...] = ((224, 178, 150), (196, 146, 116), (140, 96, 72), (96, 66, 50))
SHIRTS: tuple[Colour, ...] = (
    (190, 44, 48), (40, 70, 140), (236, 232, 224), (60, 60, 66), (230, 180, 60), (70, 130, 90), (150, 90, 150),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = ((40, 48, 74), (50, 50, 54), (110, 96, 78), (70, 84, 110), (30, 30, 34))
_HAIR: tuple[Colour, ...] = ((40, 30, 24), (90, 62, 40), (190, 160, 100), (120, 118, 116))


_MOP = np.array([(-0.115, -0.01), (-0.09, 0.13), (0.06, 0.14), (0.115, 0.045), (0, 0.06)])  # metres from the face
_RIGHT_HALF = np.array([(0.36, 0.49), (0.42, 0.6), (0.5, 0.79), (0.3, 0.845)])
_TRUNK = np.vstack((_RIGHT_HALF, _RIGHT_HALF[::-1] * (-1, 1)))  # in shoulder widths and body heights


def person(rng: np.random.Generator, x: float, z: float) -> Item:
    """Somebody standing or walking at (x, z)."""
    skin, shirt, legs, hair = pick(rng, SKIN), pick(rng, SHIRTS), pick(rng, TROUSERS), pick(rng, _HAIR)
    size, stride, wide = rng.uniform(0.92, 1.06), rng.uniform(-0.32, 0.32), rng.uniform(0.42, 0.54)
    bag, skirt = rng.random() < 0.3, rng.random() < 0.2

    def paint(canvas: Canvas) -> None:
        card = Card(canvas, x, 0.08, z)
        h = 1.75 * size
        for step in (-stride, stride):
            card.limb((step * 0.25, 0.5 * h), (step * 0.6 + 0.04, 0.27 * h), (0.2, 0.16), legs, PERSON)
            card.limb((step * 0.6 + 0.04, 0.28 * h), (step, 0.03), (0.15, 0.12), skin if skirt else legs, PERSON)
            card.box(step - 0.06, 0, step + 0.12, 0.08, (30, 28, 28), PERSON)
        if skirt:
            card.polygon([(-0.24, 0.3 * h), (0.24, 0.3 * h), (0.15, 0.56 * h), (-0.15, 0.56 * h)], legs, PERSON)
        _torso(card, h, wide, stride, shirt, skin)
        if bag:
            card.box(wide * 0.3, 0.52 * h, wide * 0.75, 0.76 * h, (90, 60, 50), PERSON)
        card.disc(0, 0.925 * h, 0.11, 0.135, skin, PERSON)
        card.polygon(_MOP + np.array((0, 0.925 * h)), hair, PERSON)

    return Item(z, paint, footprint(x, z, 0.2, 0.15), 0, 1.75 * size)


def _torso(card: Card, h: float, wide: float, stride: float, shirt: Colour, skin: Colour) -> None:
    """Trunk, arms, hands and neck of a body `h` metres tall."""
    shade: Colour = (shirt[0] * 0.8, shirt[1] * 0.8, shirt[2] * 0.8)
    for side in (-1, 1):
        elbow = (side * wide * 0.52 - stride * side * 0.3, 0.62 * h)
        card.limb((side * wide * 0.42, 0.81 * h), elbow, (0.14, 0.11), shade, PERSON)
        card.limb(elbow, (elbow[0] - stride * side * 0.4, 0.47 * h), (0.11, 0.09), shade, PERSON)
        card.disc(elbow[0] - stride * side * 0.4, 0.46 * h, 0.05, 0.06, skin, PERSON)
    card.polygon(_TRUNK * (wide, h), shirt, PERSON)
    card.box(-0.05, 0.83 * h, 0.05, 0.88 * h, skin, PERSON)
