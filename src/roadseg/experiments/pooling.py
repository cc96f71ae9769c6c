"""Folds together: their confusion matrices added up, so that each held-out frame counts once.

The mean of the folds' own mIoUs counts a class that a fold doesn't hold as 0 there.
"""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from roadseg.experiments.dvc_runs import Run
from roadseg.frames.counting import VALUES
from roadseg.pipeline import paths
from roadseg.pipeline.commands import git
from roadseg.scoring.scoring import cal_acc


def confusion_of(run: Run) -> np.ndarray:
    """Return a run's pixels by (true class, predicted class), (K, K) int64; UserError where its commit has none."""
    text = git("show", f"{run.rev}:./{paths.CONFUSION}")
    return pd.read_csv(StringIO(text), index_col=0).to_numpy()


def pooled_miou(confusions: Sequence[np.ndarray]) -> float:
    """Return the mIoU, as `cal_acc` defines it, of the sum of confusion matrices (K, K) int64."""
    total = np.sum(confusions, axis=0)
    joint = np.zeros((VALUES, VALUES), dtype=np.int64)
    joint[: len(total), : len(total)] = total
    return cal_acc(joint, len(total))[0]


def with_pooled_miou(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of single runs with `miou_pooled` of all runs of their variant in the place of `confusion`.

    None where one of them has no confusion matrix: it has not run, or is of no fold. Where all have none, there is no
    `miou_pooled` either.
    """
    found: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        found.setdefault((row["group"], row["variant"]), []).append(row["confusion"])
    pooled = {
        variant: None if any(matrix is None for matrix in matrices) else pooled_miou(matrices)
        for variant, matrices in found.items()
    }
    alone = [{key: value for key, value in row.items() if key != "confusion"} for row in rows]
    if not any(pooled.values()):
        return alone
    return [row | {"miou_pooled": pooled[row["group"], row["variant"]]} for row in alone]
