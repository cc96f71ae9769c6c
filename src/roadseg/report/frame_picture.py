"""A test frame in the report: beside its truth, its prediction and the errors, small whatever the frame's size."""

from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from roadseg.frames.classes import CITYSCAPES, IGNORE_INDEX, ClassSet, colorize
from roadseg.frames.images import read_image, read_label
from roadseg.report.figures import save_figure

_LONG, _STRIP = 1600, 8  # pixels of the long side at most; how often it may be the short one in a picture
_RIGHT, _WRONG, _NO_TRUTH = np.array([(200, 200, 200), (213, 30, 47), (0, 0, 0)], dtype=np.uint8)
_TITLE = 0.3  # inches above each panel


def draw_frame(image: Path, truth: Path, pred: Path, path: Path, classes: ClassSet = CITYSCAPES) -> None:
    """Draw a frame from its three files, in the colours of its classes; UserError where one can't be read.

    Each is shrunk before the next is read, so that one at a time is whole in memory.
    """
    small = shrink_image(read_image(image)), shrink_label(read_label(truth)), shrink_label(read_label(pred))
    plot_frame(*small, path, classes=classes)


def small_size(height: int, width: int, longest: int = _LONG) -> tuple[int, int]:
    """Return the (height, width) to draw a frame at: the same shape, except for long strips.

    >>> small_size(375, 1242), small_size(3000, 16000), small_size(10, 20000)
    ((375, 1242), (300, 1600), (10, 1600))
    """
    scale, shortest = min(1, longest / max(height, width)), longest // _STRIP
    return max(round(scale * height), min(height, shortest)), max(round(scale * width), min(width, shortest))


def shrink_image(image: np.ndarray, longest: int = _LONG) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 at its `small_size`, each pixel the mean of those it stands for."""
    height, width = small_size(image.shape[0], image.shape[1], longest)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def shrink_label(label: np.ndarray, longest: int = _LONG) -> np.ndarray:
    """Return a label map (H, W) uint8 at its `small_size`, each pixel the one in the middle of those it stands for."""
    rows, columns = (
        ((np.arange(small) + 0.5) * full / small).astype(int)
        for small, full in zip(small_size(label.shape[0], label.shape[1], longest), label.shape, strict=True)
    )
    return label[np.ix_(rows, columns)]


def paint_errors(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Paint where two (H, W) uint8 maps differ red, else grey, and black where there is no truth: (H, W, 3) uint8."""
    errors = np.where((pred == truth)[..., None], _RIGHT, _WRONG)
    errors[truth == IGNORE_INDEX] = _NO_TRUTH
    return errors


def plot_frame(
    image: np.ndarray,
    truth: np.ndarray,
    pred: np.ndarray,
    path: Path,
    classes: ClassSet = CITYSCAPES,
) -> None:
    """Plot a frame (H, W, 3) beside its true and predicted classes (H, W) and the pixels that are wrong, all uint8."""
    title = "image (stretched)" if max(truth.shape) >= _STRIP * min(truth.shape) else "image"
    maps = {"truth": colorize(truth, classes), "prediction": colorize(pred, classes)}
    panels = {title: image, **maps, "errors (red)": paint_errors(pred, truth)}
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
