"""Noise, and the surfaces made of it: leaves, bricks, concrete, bars."""

import cv2
import numpy as np

from roadseg.scenes.light import Colour


def vary(rng: np.random.Generator, colour: Colour, amount: float = 12.0) -> Colour:
    """The colour a little lighter or darker, and a little off in hue."""
    red, green, blue = np.clip(np.array(colour) + rng.normal(0, amount) + rng.normal(0, amount / 3, 3), 4, 250)
    return float(red), float(green), float(blue)


def pick(rng: np.random.Generator, colours: tuple[Colour, ...], amount: float = 12.0) -> Colour:
    """One of the colours, varied."""
    return vary(rng, colours[rng.integers(len(colours))], amount)


def noise(rng: np.random.Generator, height: int, width: int, cells: tuple[int, ...] = (4, 12, 40)) -> np.ndarray:
    """Fractal noise (height, width) float32 of mean 0 and standard deviation 1; `cells` across the shorter side."""
    total = np.zeros((height, width), np.float32)
    shorter = min(height, width)
    for weight, cell in zip(np.linspace(1.0, 0.6, len(cells)), cells, strict=True):
        shape = (max(2, height * cell // shorter), max(2, width * cell // shorter))
        total += weight * cv2.resize(rng.standard_normal(shape, np.float32), (width, height))
    return (total - total.mean()) / (total.std() + 1e-6)


def tinted(colour: Colour, brightness: np.ndarray) -> np.ndarray:
    """Return a surface (H, W, 3) uint8: the colour times the brightness, (H, W) float."""
    return np.clip(brightness[:, :, None] * np.array(colour, np.float32), 0, 255).astype(np.uint8)


def plaster(rng: np.random.Generator, height: int, width: int, colour: Colour, contrast: float = 0.05) -> np.ndarray:
    """An even wall with stains: (height, width, 3) uint8."""
    return tinted(colour, 1 + contrast * noise(rng, height, width, (3, 30)))


def bricks(rng: np.random.Generator, height: int, width: int, colour: Colour, course: int) -> np.ndarray:
    """Courses of bricks, each `course` pixels high, every brick in its own shade: (height, width, 3) uint8."""
    rows, columns = -(-height // course), -(-width // (2 * course)) + 1
    shades = 1 + 0.13 * rng.standard_normal((rows, columns), np.float32)
    shades = np.repeat(np.repeat(shades, course, axis=0), 2 * course, axis=1)
    shades[::course] = 1.25  # mortar
    shades[:, :: 2 * course] = 1.25
    odd = (np.arange(len(shades)) // course) % 2 == 1
    shades[odd] = np.roll(shades[odd], course, axis=1)
    return tinted(colour, shades[:height, :width])


def leaves(rng: np.random.Generator, height: int, width: int, colour: Colour) -> np.ndarray:
    """Foliage: bright leaves before dark gaps, (height, width, 3) uint8."""
    lumps = noise(rng, height, width, (5, 14, 45))
    return tinted(colour, np.clip(0.9 + 0.33 * lumps, 0.25, 1.9))


def crown(rng: np.random.Generator, size: int, colour: Colour, sun_side: float, conifer: bool) -> np.ndarray:
    """A ragged crown with gaps, lit from above and from `sun_side` (-1 left .. 1 right): (size, size, 4) uint8."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
    half_width = np.clip((y + 1) / 2, 0.02, 1) if conifer else np.float32(0.82)
    radius = np.abs(x) / half_width + np.maximum(y - 0.75, 0) * 4 if conifer else np.hypot(x, y) / half_width
    lumps = noise(rng, size, size, (3, 7, 22))
    opaque = np.clip((1.0 + (0.1 if conifer else 0.17) * lumps - radius) * 14, 0, 1)
    opaque *= np.clip(1.0 - 3 * (noise(rng, size, size, (9, 20)) - 2.0), 0, 1)  # some sky between the leaves
    clumps = 0.22 * noise(rng, size, size, (8, 26, 90)) + 0.14 * lumps
    bright = np.clip(0.92 + clumps + 0.25 * (sun_side * x - y), 0.22, 2.0)
    return np.dstack((tinted(colour, bright), (opaque * 255).astype(np.uint8)))


def bars(rng: np.random.Generator, height: int, width: int, colour: Colour, spacing: int, thick: int) -> np.ndarray:
    """A fence of upright bars with two rails, see-through between them: (height, width, 4) uint8."""
    sheet = np.zeros((height, width, 4), np.uint8)
    ink = (*vary(rng, colour, 6), 255)
    for x in range(spacing // 2, width, spacing):
        cv2.rectangle(sheet, (x, 2), (x + thick - 1, height), ink, -1)
    for y in (height // 6, height * 5 // 6):
        cv2.rectangle(sheet, (0, y), (width, y + max(2, thick // 2)), ink, -1)
    return sheet


def mesh(height: int, width: int, colour: Colour, spacing: int) -> np.ndarray:
    """Wire netting between posts: (height, width, 4) uint8."""
    sheet = np.zeros((height, width, 4), np.uint8)
    sheet[:, :, :3] = np.array(colour, np.uint8)
    for offset in range(-height, width, spacing):
        cv2.line(sheet, (offset, 0), (offset + height, height), (*colour, 255), 2)
        cv2.line(sheet, (offset + height, 0), (offset, height), (*colour, 255), 2)
    cv2.rectangle(sheet, (0, 0), (width, 3), (*colour, 255), -1)
    for x in (0, width - 5):
        cv2.rectangle(sheet, (x, 0), (x + 5, height), (*colour, 255), -1)
    return sheet
