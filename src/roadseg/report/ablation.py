"""The ablation table: means over seeds, changes against another row, what is noise, and the same as cells of text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from roadseg.pipeline.errors import UserError
from roadseg.report.sources import source_of

BUDGETS = (1, 3, 6, 16)  # GFLOPs as run; within each the best variant is marked
COSTS = {"gflops": "GFLOPs for one 375x1242 image", "gflops_ran": "GFLOPs of a frame as it ran"}  # column, in words
_FIGURES = ("miou", "gflops", "gflops_ran", "params_m", "seconds")  # of a run; means over seeds in the table
_NUMBERS = (*_FIGURES, "miou_std", "efficiency", "efficiency_ran", "change", "published")
_POOLED = "miou_pooled"  # only there where runs are folds
_COLUMNS = ("group", "variant", "against", "changed", "data", "seeds", "noise", *_NUMBERS)


# --- numbers


def ablation_table(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a table with a row per variant from rows of single runs, in their order.

    A run has `group`, `variant`, `seed`, `data` (which frames), `against` (the variant of the group that it is compared
    with, or "") and `changed` (the parameters that differ from it), the method columns, `miou` (0..1), `gflops`,
    `gflops_ran`, `params_m`, `seconds` and `published` (a figure or None). Figures of a variant that has not run are
    None. Where runs are folds, `miou_pooled` is the mIoU of all folds of the variant together.
    The table adds `seeds` (which), `miou_std` (over seeds, NaN for one), `change` (of the mean mIoU, of folds the
    pooled one, against that other variant, NaN where one of the two has not run), `noise` (whether that is within the
    spread), `efficiency` and `efficiency_ran` (mIoU in percent per GFLOP).
    """
    frame = pd.DataFrame(runs).astype(dict.fromkeys((*_FIGURES, "published"), float))
    if _POOLED in frame:
        frame = frame.astype({_POOLED: float})
    frame["seeds"] = frame["seed"].astype(str).where(frame["miou"].notna(), "")
    first = {name: (name, "first") for name in runs[0] if name not in {"group", "variant", "seed", *_FIGURES}}
    means = {name: (name, "mean") for name in _FIGURES}
    spread = {"miou_std": ("miou", "std"), "seeds": ("seeds", lambda seeds: ", ".join(filter(None, seeds)))}
    table = frame.groupby(["group", "variant"], sort=False).agg(**first, **means, **spread).reset_index()
    table["efficiency"] = 100 * table["miou"] / table["gflops"]
    table["efficiency_ran"] = 100 * table["miou"] / table["gflops_ran"]
    other = _rows_compared_with(table)
    table["change"] = table["miou"] - other["miou"]
    # a change of means is noise within the deviation of a difference of two runs; one seed (NaN) says nothing of it
    table["noise"] = table["change"].abs() <= np.hypot(table["miou_std"], other["miou_std"])
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


def best_of_budgets(table: pd.DataFrame) -> pd.Series:
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


# --- words


def ablation_facts(
    table: pd.DataFrame, data: str | None = None, published: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Return what the templates show of a table.

    `data` is the `data_name` of the run whose report it stands in, if any; `published` holds what others measured, with
    the fields of experiments.yaml.
    """
    others = [] if published is None else published.to_dict("records")
    return {
        "ablation_elsewhere": elsewhere(table, data) if data else "",
        "ablation_groups": groups(table),
        "ablation_note": note(table),
        "ablation_caption": caption(table),
        "ablation_published": [
            f"{row['name']} ({row['source']}): {100 * row['miou']:.2f} % at {row['gflops']:g} GFLOPs, {row['measure']}"
            for row in others
        ],
    }


def groups(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Cut the table for reading: for each group its title, the head's cells, which columns hold words, and the rows."""
    result = []
    for group, rows in table.groupby("group", sort=False):
        methods = [str(name) for name in table if rows[name].isin(["Y", "N"]).all() and (rows[name] == "Y").any()]
        pooled = _POOLED in rows and rows[_POOLED].notna().any()
        rows = rows.assign(best=best_of_budgets(rows))
        head = ["variant", *methods, "mIoU %", *(["pooled %"] if pooled else []), "change", "against", "GFLOPs"]
        head += ["as run", "params M", "% / GFLOP", "% / as run", "best up to", "train s", "seeds"]
        head += ["published %"] if rows["published"].notna().any() else []
        cells = [[_cells(row, methods)[name] for name in head] for row in rows.to_dict("records")]
        words = [name in ("variant", "against", *methods) for name in head]  # as opposed to figures
        result.append({"title": f"{group}, on {_frames(rows)}", "head": head, "words": words, "rows": cells})
    return result


def _cells(row: Mapping[Any, Any], methods: Sequence[str]) -> dict[str, str]:
    """Return the row's text by column; a variant that has not run shows so, and no figures."""
    spread = f" +- {100 * row['miou_std']:.2f}" if pd.notna(row["miou_std"]) else ""
    noise = " ~" if row["noise"] else ""
    return {
        "variant": row["variant"],
        **{method: row[method] for method in methods},
        "mIoU %": f"{100 * row['miou']:.2f}{spread}" if pd.notna(row["miou"]) else "not run",
        "pooled %": _number("{:.2f}", 100 * row.get(_POOLED, float("nan"))),
        "change": _number("{:+.2f}", 100 * row["change"]) + noise,
        "against": row["against"],
        "GFLOPs": _number("{:.2f}", row["gflops"]),
        "as run": _number("{:.2f}", row["gflops_ran"]),
        "params M": _number("{:.2f}", row["params_m"]),
        "% / GFLOP": _number("{:.3f}", row["efficiency"]),
        "% / as run": _number("{:.3f}", row["efficiency_ran"]),
        "best up to": row["best"],
        "train s": _number("{:.0f}", row["seconds"]),
        "seeds": row["seeds"],
        "published %": _number("{:.1f}", 100 * row["published"]),
    }


def _number(form: str, value: float) -> str:
    return form.format(value) if pd.notna(value) else ""


def note(table: pd.DataFrame) -> str:
    """Say what the changes are against, and how far they can be trusted."""
    if _POOLED in table:
        trust = (
            "mIoU is the mean over folds and seeds, +- their standard deviation, which is large where some folds hold "
            "harder frames. Pooled is the mIoU of all folds' frames together, and a change is one of that; marked ~ it "
            "is no larger than the standard deviation of the folds' own differences: noise."
        )
    elif table["miou_std"].notna().any():
        trust = "mIoU is the mean over seeds, +- their standard deviation; a change marked ~ is within it: noise."
    else:
        trust = "Each row is one seed: nothing here says how large a difference chance alone makes (--seeds 3 does)."
    mixed = [f"{row['variant']} ({row['changed']})" for _, row in table.iterrows() if ", " in row["changed"]]
    several = f" More than one parameter differs in {'; '.join(dict.fromkeys(mixed))}." if mixed else ""
    budgets = f"{', '.join(map(str, BUDGETS[:-1]))} and {BUDGETS[-1]}"
    return (
        f"A change is that of the mIoU against the variant named beside it.{several} {trust} GFLOPs are counted at the "
        "study's size; those as run at the input size, times the passes. The best of a group within "
        f"{budgets} GFLOPs as run is marked so."
    )


def elsewhere(table: pd.DataFrame, data: str) -> str:
    """Say that the ablation's frames are not those of the run that the report is about; nothing where they are."""
    if set(table["data"]) <= {data}:
        return ""
    return f"These figures are of {_frames(table)}, not of {source_of(data).name}, which the rest of this report is of."


def caption(table: pd.DataFrame) -> str:
    """Say which frames the points of the trade-off picture are of."""
    return (
        "mIoU over GFLOPs, by the study's rule and as it ran. Circles were measured by this pipeline on "
        f"{_frames(table)}; crosses are figures that others published, on splits and by measures of their own; a ring "
        "marks the best within a budget of GFLOPs as run. Panels of different frames don't compare."
    )


def _frames(rows: pd.DataFrame) -> str:
    return " and ".join(source_of(name).name for name in rows["data"].unique())
