"""The test frames as a page shows them: worst first, with what each class misses in them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from roadseg.frames.classes import ClassSet
from roadseg.report.embedded import LONGEST, frame_layers
from roadseg.report.narrative import counted
from roadseg.scoring.frame_scores import FrameScore

_FULL_SIZE = 64  # frames that a page holds at full size; of more, each is smaller, so that the page is no larger


def longest_side(frames: int) -> int:
    """Return how many pixels the long side of each of so many frames may have in one page.

    >>> longest_side(50), longest_side(256)
    (1280, 640)
    """
    return round(LONGEST * min(1.0, math.sqrt(_FULL_SIZE / max(frames, 1))))


def frame_view(
    name: str, files: tuple[Path, Path, Path], score: FrameScore, classes: ClassSet, longest: int
) -> dict[str, Any]:
    """Return what a page shows of a frame, from its picture, truth and prediction; UserError where one can't be read.

    `missed` and `truth` are pixels by class, as numbers with spaces between them.
    """
    return {
        "name": name,
        "words": in_words(score, classes.names),
        "missed": " ".join(map(str, score.missed)),
        "truth": " ".join(map(str, score.truth)),
        "layers": frame_layers(*files, classes, longest),
    }


def in_words(score: FrameScore, names: Sequence[str]) -> str:
    """Say a frame's mIoU, and the three classes of which it misses most."""
    if math.isnan(score.miou):
        return "no pixel has a class"
    most = [k for k in np.argsort(-score.missed, kind="stable")[:3] if score.missed[k]]
    missed = ", ".join(f"{names[k]} {100 * score.missed[k] / score.truth[k]:.0f} %" for k in most)
    return f"mIoU {100 * score.miou:.1f} %" + (f"; missed most: {missed}" if missed else "")


def frames_sentence(shown: int, total: int) -> str:
    """Say which test frames a page shows, and in which order.

    >>> frames_sentence(200, 500)
    'The worst 200 of 500 test frames, lowest mIoU first, over the classes in a frame or its prediction.'
    """
    if total == 1:
        return "The only test frame; its mIoU is over the classes in it or its prediction."
    which = f"All {counted(total, 'test frame')}" if shown == total else f"The worst {shown} of {total} test frames"
    return f"{which}, lowest mIoU first, over the classes in a frame or its prediction."


def legend(classes: ClassSet) -> list[tuple[str, str]]:
    """Return each class's colour, as a page names it, and its name."""
    return [(f"#{r:02x}{g:02x}{b:02x}", name) for (r, g, b), name in zip(classes.colors, classes.names, strict=True)]
