"""Pictures inside a page: shrunk, as WebP, in addresses that hold the picture itself."""

import base64
from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.classes import ClassSet, colorize
from roadseg.frames.images import read_image, read_label
from roadseg.report.frame_picture import paint_errors, shrink_image, shrink_label

LONGEST = 1280  # pixels of a frame's long side in a page
_QUALITY, _LOSSLESS = 75, 101  # as OpenCV has it: above 100 no pixel changes, and even areas take next to nothing


def webp(image: np.ndarray, lossless: bool = False) -> str:
    """Return (H, W, 3) uint8 RGB as an address that holds it as WebP."""
    quality = _LOSSLESS if lossless else _QUALITY
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])
    return f"data:image/webp;base64,{base64.b64encode(data.tobytes()).decode()}"


def frame_layers(image: Path, truth: Path, pred: Path, classes: ClassSet, longest: int = LONGEST) -> dict[str, str]:
    """Return a frame's picture, truth, prediction and errors as addresses, from its three files.

    Each is shrunk before the next is read. Raises UserError where one can't be read.
    """
    picture = webp(shrink_image(read_image(image), longest))
    true, predicted = (shrink_label(read_label(file), longest) for file in (truth, pred))
    maps = {"truth": colorize(true, classes), "prediction": colorize(predicted, classes)}
    maps["errors"] = paint_errors(predicted, true)
    return {"picture": picture} | {name: webp(painted, lossless=True) for name, painted in maps.items()}
