"""Trees, bushes and hedges."""

import cv2
import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.card import CIRCLE, Card
from roadseg.scenes.item import Item
from roadseg.scenes.labels import PLANT
from roadseg.scenes.light import Colour, Light
from roadseg.scenes.textures import crown, leaves, pick

_GREENS: tuple[Colour, ...] = ((62, 92, 40), (78, 104, 48), (54, 82, 46), (92, 110, 50), (70, 86, 36))
_SIZE = 224  # pixels of a crown's texture


class Nursery:
    """A frame's few crowns; its trees wear them mirrored and in other sizes, which is quicker than growing each."""

    def __init__(self, rng: np.random.Generator, light: Light) -> None:
        self.rng = rng
        sun_side = float(light.sun[0])
        self.crowns = [crown(rng, _SIZE, pick(rng, _GREENS), sun_side, conifer=i == 3) for i in range(4)]
        self.hedge = leaves(rng, 64, 192, pick(rng, _GREENS))

    def tree(self, x: float, z: float, tall: float, behind: float = 0.0) -> Item:
        """A tree `tall` metres high; `behind` moves it back in the order of painting."""
        kind = int(self.rng.integers(4))
        texture = self.crowns[kind] if kind == 3 or self.rng.random() < 0.5 else cv2.flip(self.crowns[kind], 1)
        low = tall * (0.05 if kind == 3 else self.rng.uniform(0.2, 0.32))
        half = tall * (0.22 if kind == 3 else self.rng.uniform(0.3, 0.42))
        bark = pick(self.rng, ((84, 68, 54), (104, 92, 80), (70, 60, 52)))

        def paint(canvas: Canvas) -> None:
            girth = 0.018 * tall + 0.05
            card = Card(canvas, x, 0, z)
            card.limb((0, 0), (0, tall * 0.6), (2 * girth, girth), bark, PLANT)
            card.polygon([(-2 * girth, 0), (-girth, 0.5), (girth, 0.5), (2 * girth, 0)], bark, PLANT)
            card.limb((girth * 0.5, 0), (girth * 0.3, tall * 0.6), (girth, girth * 0.5), bark, None, 0.75)
            corners = [(x - half, tall, z), (x + half, tall, z), (x + half, low, z), (x - half, low, z)]
            canvas.quad(np.array(corners), texture, PLANT, 0.6 + 0.4 * canvas.light.ambient)

        return Item(z + behind, paint, CIRCLE * half * 0.8 + (x, z), low + 0.2 * tall, 0.85 * tall)

    def bush(self, x: float, z: float, half: float, tall: float, behind: float = 0.0) -> Item:
        """A bush of `half` metres to each side, rounded at the top and cut off by the ground."""
        texture = self.crowns[int(self.rng.integers(3))][: int(_SIZE * 0.8)]

        def paint(canvas: Canvas) -> None:
            corners = [(x - half, tall, z), (x + half, tall, z), (x + half, 0, z), (x - half, 0, z)]
            canvas.quad(np.array(corners), texture, PLANT, 0.55 + 0.4 * canvas.light.ambient)

        return Item(z + behind, paint, CIRCLE * half * 0.7 + (x, z), 0, tall)

    def hedge_row(self, x: float, side: int, z0: float, z1: float, tall: float) -> Item:
        """A clipped hedge along the road: its face, its top and its near end."""

        def paint(canvas: Canvas) -> None:
            back = x + side * 0.8
            top = np.array([(x, tall, z1), (back, tall, z1), (back, tall, z0), (x, tall, z0)])
            end = np.array([(x, tall, z0), (back, tall, z0), (back, 0, z0), (x, 0, z0)])
            face = np.array([(x, tall, z0), (x, tall, z1), (x, 0, z1), (x, 0, z0)])
            canvas.quad(top, self.hedge, PLANT, 1.15)
            canvas.quad(end, self.hedge[:, :64], PLANT, canvas.light.shade(np.array([0.0, 0.0, -1.0])))
            canvas.quad(face, self.hedge, PLANT, canvas.light.shade(np.array([-float(side), 0.0, 0.0])))

        outline = np.array([(x, z0), (x + side * 0.8, z0), (x + side * 0.8, z1), (x, z1)])
        return Item(z1 + 3, paint, outline, 0, tall)
