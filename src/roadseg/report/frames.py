"""A frame beside its ground truth, prediction and errors, small whatever its size: as PNG, and inside a page."""

import base64
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from roadseg.frames.classes import CITYSCAPES, IGNORE_INDEX, ClassSet, colorize
from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_image, read_label, write_image
from roadseg.report.figures import save_figure

LONGEST = 1600  # pixels of a frame's long side in a PNG
_STRIP = 8  # how often the long side may be the short one in a picture
_RIGHT, _WRONG, _NO_TRUTH = np.array([(200, 200, 200), (213, 30, 47), (0, 0, 0)], dtype=np.uint8)
_TITLE = 0.3  # inches above each panel
_QUALITY, _LOSSLESS = 75, 101  # of WebP, in OpenCV's numbers: above 100 no pixel changes, and even areas take little
_NAME_HEIGHT, _NAME_BASELINE, _NAME_LEFT = 24, 18, 6  # pixels: a name above a picture of `draw_sheet`


# --- shrunk and coloured


def small_size(height: int, width: int, longest: int = LONGEST) -> tuple[int, int]:
    """Return the (height, width) to draw a frame at: the same shape, except for long strips.

    >>> small_size(375, 1242), small_size(3000, 16000), small_size(10, 20000)
    ((375, 1242), (300, 1600), (10, 1600))
    """
    scale, shortest = min(1, longest / max(height, width)), longest // _STRIP
    return max(round(scale * height), min(height, shortest)), max(round(scale * width), min(width, shortest))


def shrink_image(image: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 at its `small_size`, each pixel the mean of those it stands for."""
    height, width = small_size(image.shape[0], image.shape[1], longest)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def shrink_label(label: np.ndarray, longest: int = LONGEST) -> np.ndarray:
    """Return a label map (H, W) uint8 at its `small_size`, each pixel the one in the middle of those it stands for."""
    rows, columns = (
        ((np.arange(small) + 0.5) * full / small).astype(int)
        for small, full in zip(small_size(label.shape[0], label.shape[1], longest), label.shape, strict=True)
    )
    return label[np.ix_(rows, columns)]


def paint_errors(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Paint where two (H, W) uint8 maps differ red, else grey, black without a ground truth: (H, W, 3) uint8."""
    errors = np.where((pred == truth)[..., None], _RIGHT, _WRONG)
    errors[truth == IGNORE_INDEX] = _NO_TRUTH
    return errors


# --- as PNG


def draw_frame(files: FrameFiles, pred: Path, path: Path, classes: ClassSet = CITYSCAPES) -> None:
    """Draw a frame beside its ground truth, prediction and errors; UserError where one of the files can't be read.

    Each is shrunk before the next is read, so that one at a time is whole in memory.
    """
    image = shrink_image(read_image(files.image))
    truth, predicted = (shrink_label(read_label(file)) for file in (files.label, pred))
    title = "image (stretched)" if max(truth.shape) >= _STRIP * min(truth.shape) else "image"
    maps = {"ground truth": colorize(truth, classes), "prediction": colorize(predicted, classes)}
    panels = {title: image, **maps, "errors (red)": paint_errors(predicted, truth)}
    rows, columns, width, height = layout(*truth.shape)
    figure = Figure(figsize=(columns * width, rows * (height + _TITLE)))
    top = 1 - _TITLE / (rows * (height + _TITLE))
    figure.subplots_adjust(left=0, right=1, bottom=0, top=top, wspace=0.02, hspace=_TITLE / height)
    for axes, (name, panel) in zip(figure.subplots(rows, columns).flat, panels.items(), strict=True):
        axes.imshow(panel, aspect="auto")  # the panel has the frame's shape, or the nearest that can be looked at
        axes.set_title(name, fontsize=11)
        axes.set_axis_off()
    save_figure(figure, path)


def layout(height: int, width: int) -> tuple[int, int, float, float]:
    """Return how the four panels of a frame are laid out: rows, columns, and a panel's width and height in inches."""
    ratio = width / height
    if ratio > 5:
        return 4, 1, 12, 12 / min(ratio, _STRIP)
    if ratio >= 1:
        return 2, 2, 6, 6 / ratio
    if ratio > 3 / 8:
        return 1, 4, 3, 3 / ratio
    return 1, 4, 8 * max(ratio, 1 / _STRIP), 8


def draw_sheet(pictures: Mapping[str, Path], path: Path) -> None:
    """Write pictures one below the other, on white, each under its name; UserError where one can't be read.

    `dvc plots diff` shows the sheet beside that of another experiment. What is not ASCII in a name stands as a question
    mark.
    """
    images = {name: read_image(picture) for name, picture in pictures.items()}
    width = max(image.shape[1] for image in images.values())
    parts = []
    for name, image in images.items():
        strip, text = np.full((_NAME_HEIGHT, width, 3), 255, np.uint8), name.encode("ascii", "replace").decode()
        at, font = (_NAME_LEFT, _NAME_BASELINE), cv2.FONT_HERSHEY_SIMPLEX
        parts.append(cv2.putText(strip, text, at, font, 0.5, (0, 0, 0), 1, cv2.LINE_AA))
        parts.append(np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)), constant_values=255))
    write_image(path, np.concatenate(parts))


# --- inside a page


def webp(image: np.ndarray, lossless: bool = False) -> str:
    """Return (H, W, 3) uint8 RGB as an address that holds it as WebP."""
    quality = _LOSSLESS if lossless else _QUALITY
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])
    return f"data:image/webp;base64,{base64.b64encode(data.tobytes()).decode()}"


def frame_layers(files: FrameFiles, pred: Path, classes: ClassSet, longest: int) -> dict[str, str]:
    """Return a frame's picture, ground truth, prediction and errors as addresses; UserError where one can't be read.

    Each is shrunk before the next is read.
    """
    picture = webp(shrink_image(read_image(files.image), longest))
    truth, predicted = (shrink_label(read_label(file), longest) for file in (files.label, pred))
    maps = {"ground truth": colorize(truth, classes), "prediction": colorize(predicted, classes)}
    maps["errors"] = paint_errors(predicted, truth)
    return {"picture": picture} | {name: webp(painted, lossless=True) for name, painted in maps.items()}
