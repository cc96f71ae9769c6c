"""From single runs to the ablation table: means over seeds, changes against another row, what is noise."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from roadseg.pipeline.errors import UserError

_FIGURES = ("miou", "gflops", "gflops_ran", "params_m", "seconds")  # of a run; means over seeds in the table
BUDGETS = (1, 3, 6, 16)  # GFLOPs as run: the classes of cost
COSTS = {"gflops": "GFLOPs for one 375x1242 image", "gflops_ran": "GFLOPs of a frame as it ran"}  # column, in words
_NUMBERS = (*_FIGURES, "miou_std", "efficiency", "efficiency_ran", "change", "published")
_POOLED = "miou_pooled"  # there where runs are folds
_COLUMNS = ("group", "variant", "against", "changed", "data", "seeds", "noise", *_NUMBERS)


def ablation_table(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a table with a row per variant from rows of single runs, in their order.

    A run has `group`, `variant`, `seed`, `data` (which frames), `against` (the variant of the group that it is compared
    with, or "") and `changed` (the parameters that differ from it), the method columns, `miou` (0..1), `gflops`,
    `gflops_ran`, `params_m`, `seconds` and `published` (a figure or None). The first five are None for one that has not
    run. Where runs are folds, `miou_pooled` is that of all folds of the variant together.
    The table adds `seeds` (which), `miou_std` (over seeds, NaN for one), `change` (of the mean mIoU, of folds the
    pooled one, against that other variant, NaN where one of the two has not run), `noise` (whether that is within the
    spread), `efficiency` and `efficiency_ran`.
    """
    frame = pd.DataFrame(runs).astype(dict.fromkeys((*_FIGURES, "published"), float))
    if _POOLED in frame:
        frame = frame.astype({_POOLED: float})
    frame["seeds"] = frame["seed"].astype(str).where(frame["miou"].notna(), "")
    kept = [name for name in runs[0] if name not in {"group", "variant", "seed", *_FIGURES}]
    means = {name: (name, "mean") for name in _FIGURES}
    spread = {"miou_std": ("miou", "std"), "seeds": ("seeds", lambda seeds: ", ".join(filter(None, seeds)))}
    groups = frame.groupby(["group", "variant"], sort=False)
    table = groups.agg(**{name: (name, "first") for name in kept}, **means, **spread).reset_index()
    table["efficiency"] = 100 * table["miou"] / table["gflops"]
    table["efficiency_ran"] = 100 * table["miou"] / table["gflops_ran"]
    other = _rows_compared_with(table)
    table["change"] = table["miou"] - other["miou"]
    table["noise"] = within_spread(table["change"], table["miou_std"], other["miou_std"])
    if _POOLED in table:  # of folds: some hold harder frames than others, for all variants alike
        change = table[_POOLED] - other[_POOLED]
        table["change"] = change.fillna(table["change"])
        small = change.abs() <= _spread_of_differences(frame, table)
        table["noise"] = table["noise"].where(change.isna(), small).astype(bool)
    return table


def _spread_of_differences(frame: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """Return for each row the standard deviation of what its runs' mIoU differ from those of the same fold and seed."""
    runs = frame.pivot_table(index="seed", columns=["group", "variant"], values="miou", dropna=False)
    pairs = zip(table["group"], table["variant"], table["against"], strict=True)
    return pd.Series(
        [
            (runs[group, variant] - runs[group, other]).std() if (group, other) in runs else np.nan
            for group, variant, other in pairs
        ],
        table.index,
    )


def _rows_compared_with(table: pd.DataFrame) -> pd.DataFrame:
    """Return for each row the one that it is compared with, NaN throughout where there is none."""
    rows = table.set_index(["group", "variant"])[[name for name in ("miou", "miou_std", _POOLED) if name in table]]
    return rows.reindex(pd.MultiIndex.from_frame(table[["group", "against"]])).set_axis(table.index)


def within_spread(change: pd.Series, spread: pd.Series, other_spread: pd.Series) -> pd.Series:
    """Return whether a change of means is no larger than the standard deviation of a difference of two single runs.

    False where either spread is unknown (one seed): then the spread is unknown, and the table shows one seed.
    """
    return change.abs() <= np.hypot(spread, other_spread)


def best_of_classes(table: pd.DataFrame) -> pd.Series:
    """Return for each row the budgets in GFLOPs as run, as in "1, 3", within which it has the highest mIoU, or "".

    mIoU per GFLOP alone would always favour the smallest network. A budget that buys no row more than the one before
    it has no best.
    """
    marks: dict[Any, list[str]] = {index: [] for index in table.index}
    before = 0.0
    for budget in BUDGETS:
        within = table[(table["gflops_ran"] <= budget) & table["miou"].notna()]
        if (within["gflops_ran"] > before).any():
            marks[within["miou"].idxmax()].append(f"{budget:g}")
        before = budget
    return pd.Series({index: ", ".join(found) for index, found in marks.items()}, dtype=str)


def pareto_front(table: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Return the rows that no other one beats in mIoU at the same cost or less, cheapest first.

    `cost` is the column of it, `gflops` or `gflops_ran`.
    """
    by_cost = table.sort_values([cost, "miou"], ascending=[True, False])
    return by_cost[by_cost["miou"] > by_cost["miou"].cummax().shift(fill_value=-1)]


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write the table as a CSV file."""
    table.to_csv(path, index=False, float_format="%.7g", encoding="utf-8")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that `write_table` wrote; UserError where there is none, or one of an older version's columns."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")  # a variant may be called nan
    except FileNotFoundError:
        raise UserError(f"{path} is missing; git checkout {path}, or make it: python src/ablate.py table") from None
    if missing := [name for name in _COLUMNS if name not in table]:
        raise UserError(f"{path} has no column {missing[0]}; make it again: python src/ablate.py table")
    try:
        names = [*_NUMBERS, *([_POOLED] if _POOLED in table else [])]
        numbers = {name: table[name].replace("", "nan").astype(float) for name in names}
    except ValueError as error:
        raise UserError(f"{path}: {error}; make it again: python src/ablate.py table") from None
    return table.assign(**numbers, noise=table["noise"] == "True")
