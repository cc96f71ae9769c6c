"""What is too far away to come nearer: the sky, and hills with trees along the horizon."""

import cv2
import numpy as np

from roadseg.scenes.canvas import Canvas
from roadseg.scenes.labels import PLANT, SKY
from roadseg.scenes.textures import noise, pick, vary


def paint_sky(rng: np.random.Generator, canvas: Canvas) -> None:
    """From blue to bright at the horizon, with clouds that flatten with distance."""
    height, width = canvas.label.shape
    rows = min(height, int(canvas.camera.horizon) + 2)
    zenith = np.array(pick(rng, ((92, 140, 205), (120, 160, 210), (170, 185, 205)), 8), np.float32)
    haze, white = np.array(canvas.light.haze, np.float32), np.array((246, 246, 248), np.float32)
    climb = (np.linspace(1, 0, rows, dtype=np.float32) ** 0.8)[:, None, None]
    sky = climb * zenith + (1 - climb) * haze
    clouds = cv2.resize(noise(rng, 96, 160, (3, 7, 18)), (width, rows))
    cover = np.clip(0.35 * (clouds + np.float32(rng.uniform(-0.8, 0.8))), 0, 0.85)[:, :, None]
    canvas.image[:rows] = cv2.convertScaleAbs(sky + cover * (white - sky))
    canvas.label[:rows] = SKY


def paint_horizon(rng: np.random.Generator, canvas: Canvas) -> None:
    """A line of distant trees that hides where the ground ends."""
    for distance, tall in ((170.0, rng.uniform(7, 20)), (125.0, rng.uniform(3, 8))):
        span = np.linspace(-1.3 * distance, 1.3 * distance, 60)
        top = np.clip(tall * (1 + 0.3 * noise(rng, 4, 60, (2,))[1] + 0.12 * rng.standard_normal(60)), 0.5, 40)
        outline = np.zeros((62, 3))
        outline[:60, 0], outline[:60, 1], outline[:, 2] = span, top, distance
        outline[60:, 0] = span[-1], span[0]
        canvas.polygon(outline, vary(rng, (72, 96, 56), 8), PLANT)
