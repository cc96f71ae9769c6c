"""The report's pictures, as PNG files that are the same bytes for the same numbers."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from roadseg.frames.classes import CITYSCAPES, NAMES, ClassSet
from roadseg.report.escape import in_picture


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG, the same bytes for the same figure."""
    with mpl.rc_context({"savefig.bbox": "tight"}):
        figure.savefig(path, dpi=110, metadata={"Software": None})  # a version in the file would change its hash


def plot_confusion(confusion: np.ndarray, path: Path, names: Sequence[str] = NAMES) -> None:
    """Plot a confusion matrix (K, K) int64, rows ground truth, as shares of each row's pixels in percent."""
    rows = confusion.sum(axis=1, keepdims=True)
    percent = 100 * confusion / np.maximum(rows, 1)
    scale = min(max(1.0, len(names) / 24), 4.0)  # more classes need more room
    figure = Figure(figsize=(9 * scale, 8 * scale))
    axes = figure.add_subplot()
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    names = [in_picture(name) for name in names]
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes.set_yticks(range(len(names)), [n if r else f"{n} (none)" for n, r in zip(names, rows[:, 0], strict=True)])
    axes.set_xlabel("predicted")
    axes.set_ylabel("ground truth")
    axes.set_title("Where each class's pixels went, in percent")
    for row, column in zip(*np.nonzero(percent >= 1), strict=True):
        value = percent[row, column]
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=7, color="w" if value > 55 else "k")
    save_figure(figure, path)


def plot_curves(history: pd.DataFrame, chosen_epoch: int, tested: str, path: Path) -> None:
    """Plot the columns loss, lr, and where they have figures val_loss and miou over epoch.

    `tested` says on which set val_loss and miou were measured.
    """
    has_miou = bool(history["miou"].notna().any())
    figure = Figure(figsize=(10, 3))
    loss, lr, *others = figure.subplots(1, 2 + has_miou)
    figure.subplots_adjust(wspace=0.4)
    if "val_loss" in history and history["val_loss"].notna().any():
        _curve(loss, history, "val_loss", label=tested, color="tab:orange")
        _curve(loss, history, "loss", label="training set", color="tab:blue")
        loss.set_title("loss")
        loss.legend(loc="best")  # where it covers least
    else:
        _curve(loss, history, "loss")
        loss.set_title("training loss")
    _curve(lr, history, "lr")
    lr.set_title("learning rate")
    for miou in others:
        _curve(miou, history, "miou")
        miou.set_title(f"mIoU, {tested}")
        chosen = history.loc[history["epoch"] == chosen_epoch, "miou"]
        miou.plot(chosen_epoch, chosen.iloc[0], "o", color="tab:red", label=f"chosen: epoch {chosen_epoch}")
        miou.legend(loc="lower right")
    for axes in figure.axes:
        axes.set_ylim(0, 1.08 * axes.get_ylim()[1])  # last: it ends the fitting to the curves, with room for markers
    save_figure(figure, path)


def _curve(axes: Axes, history: pd.DataFrame, column: str, label: str | None = None, color: str | None = None) -> None:
    axes.plot(history["epoch"], history[column], marker="." if len(history) <= 30 else "", label=label, color=color)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(history["epoch"].min() - 0.5, history["epoch"].max() + 0.5)  # one epoch has a width, too
    axes.grid(alpha=0.3)


def plot_palette(path: Path, classes: ClassSet = CITYSCAPES) -> None:
    """Plot the classes' colours and names, as the key to the pictures of class maps."""
    longest = max(map(len, classes.names))
    columns = min(max(105 // (longest + 2), 1), 7)  # that many names of 13 letters have room
    rows = math.ceil(len(classes) / columns)
    figure = Figure(figsize=(12, 1.2 * rows / 3))
    axes = figure.add_subplot()
    for i, (name, color) in enumerate(zip(classes.names, classes.palette, strict=True)):
        column, row = i % columns, i // columns
        axes.add_patch(mpl.patches.Rectangle((7 / columns * column, -row), 0.12, 0.6, color=color / 255))
        axes.text(7 / columns * column + 0.17, 0.28 - row, in_picture(name), va="center", fontsize=10)
    axes.set_xlim(0, 7)
    axes.set_ylim(0.9 - rows, 0.8)
    axes.set_axis_off()
    save_figure(figure, path)
