"""The picture and its labels, painted together from far to near."""

import cv2
import numpy as np

from roadseg.scenes.camera import Camera
from roadseg.scenes.labels import VOID
from roadseg.scenes.light import Colour, Light

_SHIFT = 4  # polygons are given to OpenCV in sixteenths of a pixel


class Canvas:
    """`image` (H, W, 3) uint8 RGB and `label` (H, W) uint8; every painter takes metres, see camera.py."""

    def __init__(self, camera: Camera, light: Light, height: int, width: int) -> None:
        self.camera = camera
        self.light = light
        self.image = np.zeros((height, width, 3), np.uint8)
        self.label = np.full((height, width), VOID, np.uint8)

    def fill(self, points: np.ndarray, colour: Colour, label: int | None) -> None:
        """Paint the polygon (N, 3) float in exactly this colour; without a label, what is there keeps its class."""
        pixels = self.camera.project(points)
        if self._visible_box(pixels) is None:
            return
        corners = [_fixed_point(pixels)]
        cv2.fillPoly(self.image, corners, colour, cv2.LINE_AA, _SHIFT)
        if label is not None:
            cv2.fillPoly(self.label, corners, (label,), cv2.LINE_8, _SHIFT)

    def polygon(self, points: np.ndarray, colour: Colour, label: int | None, brightness: float = 1.0) -> None:
        """Paint the polygon (N, 3) float in the colour that light and haze give it."""
        self.fill(points, self.light.tone(colour, _distance(points), brightness), label)

    def mark(self, points: np.ndarray, label: int) -> None:
        """Label the polygon (N, 3) float and leave the picture as it is."""
        cv2.fillPoly(self.label, [_fixed_point(self.camera.project(points))], (label,), cv2.LINE_8, _SHIFT)

    def quad(self, corners: np.ndarray, texture: np.ndarray, label: int, brightness: float = 1.0) -> None:
        """Stretch a texture, (h, w, 3 or 4) uint8, over the corners (4, 3) float, clockwise from its top left.

        The fourth channel is opacity; the label covers where the texture is more than half opaque.
        """
        pixels = self.camera.project(corners)
        box = self._visible_box(pixels)
        if box is None:
            return
        left, top, right, bottom = box
        texture = self._lit(_shrunk(texture, pixels), _distance(corners), brightness)
        source = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * np.array(texture.shape[1::-1], np.float32)
        target = (pixels - (left, top)).astype(np.float32)
        warp = cv2.getPerspectiveTransform(source - 0.5, target - 0.5)
        warped = cv2.warpPerspective(texture, warp, (right - left, bottom - top), borderMode=cv2.BORDER_REPLICATE)
        inside = np.zeros(warped.shape[:2], np.uint8)
        cv2.fillConvexPoly(inside, _fixed_point(target), 255, cv2.LINE_AA, _SHIFT)
        self._blend(warped, inside, (slice(top, bottom), slice(left, right)), label)

    def _visible_box(self, pixels: np.ndarray) -> tuple[int, int, int, int] | None:
        """The part of the frame that the corners span: left, top, right, bottom, or None."""
        height, width = self.label.shape
        x, y = pixels.T.tolist()  # for a handful of numbers Python's own min and max are the faster ones
        left, top = max(int(min(x)), 0), max(int(min(y)), 0)
        right, bottom = min(int(max(x)) + 2, width), min(int(max(y)) + 2, height)
        return (left, top, right, bottom) if left < right and top < bottom else None

    def _lit(self, texture: np.ndarray, z: float, brightness: float) -> np.ndarray:
        channels = texture.shape[2]
        matrix = np.eye(channels, channels + 1, dtype=np.float32)
        fog = self.light.fog(z)
        matrix[:3, :3] *= (1.0 - fog) * brightness
        matrix[:3, channels] = np.array(self.light.haze) * fog
        return cv2.transform(texture, matrix)

    def _blend(self, warped: np.ndarray, inside: np.ndarray, box: tuple[slice, slice], label: int) -> None:
        if warped.shape[2] == 4:
            inside = cv2.multiply(inside, warped[:, :, 3], scale=1 / 255)
            warped = np.ascontiguousarray(warped[:, :, :3])
        weight = inside.astype(np.float32) / 255
        self.image[box] = cv2.blendLinear(warped, np.ascontiguousarray(self.image[box]), weight, 1 - weight)
        self.label[box][inside > 127] = label


def _fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Pixel places (N, 2) as OpenCV's polygons want them: int32, counted from the middle of the first pixel."""
    return np.rint((pixels - 0.5) * (1 << _SHIFT)).astype(np.int32)


def _distance(points: np.ndarray) -> float:
    """How far away a polygon (N, 3) is: the middle of two opposite corners is near enough for its haze."""
    return float(points[0, 2] + points[len(points) // 2, 2]) / 2


def _shrunk(texture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """The texture at about the size at which it is seen: fine patterns then average out and do not flicker."""
    wide, high = (1.3 * (pixels.max(axis=0) - pixels.min(axis=0))).tolist()
    height, width = texture.shape[:2]
    size = (min(max(int(wide), 2), width), min(max(int(high), 2), height))
    step = max(1, min(width // (3 * size[0]), height // (3 * size[1])))  # three samples across are enough to average
    texture = texture[::step, ::step]
    return cv2.resize(texture, size, interpolation=cv2.INTER_AREA) if size != texture.shape[1::-1] else texture
