"""The confusion matrix as a table of a page, each cell of which says in words what it counts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

_MOST_CLASSES = 40  # of more, the cells are too small for a page, and too many
_SHOWN = 1.0  # percent from which a cell shows its figure
_DARK = 55  # percent from which a cell's ground asks for white text


def confusion_view(confusion: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of a confusion matrix (K, K) int64, rows truth, for a page; none where K is large.

    A cell holds `share`, its percentage of the true pixels of its row, and `says`, a sentence, "" where it is empty.
    """
    if len(names) > _MOST_CLASSES:
        return []
    percent = 100 * confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return [
        {"name": true, "cells": [_cell(true, pred, percent[i, k], confusion[i, k]) for k, pred in enumerate(names)]}
        for i, true in enumerate(names)
    ]


def _cell(true: str, pred: str, percent: float, pixels: int) -> dict[str, Any]:
    says = f"truth {true}, predicted {pred}: {percent:.2f} % of the true pixels, {pixels:,} pixels" if pixels else ""
    text = f"{percent:.0f}" if percent >= _SHOWN else ""
    return {"text": text, "share": round(float(percent), 1), "full": percent > _DARK, "says": says}
