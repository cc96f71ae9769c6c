"""From single runs to the ablation table: means over seeds, changes against the group's first row, what is noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


def ablation_table(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Give a row a variant from rows of single runs, in their order.

    A run has `group`, `variant`, `seed`, the method columns, `miou` (0..1), `gflops`, `params_m`, `seconds` and
    `published` (a figure or None). The table adds `seeds` (how many), `miou_std` (over seeds, NaN for one), `change`
    (of the mean mIoU against the group's first variant), `noise` (whether that is within the spread) and `efficiency`.
    """
    groups = pd.DataFrame(runs).groupby(["group", "variant"], sort=False)
    means = {name: (name, "mean") for name in ("miou", "gflops", "params_m", "seconds")}
    spread = {"miou_std": ("miou", "std"), "seeds": ("seed", "nunique")}
    kept = [name for name in runs[0] if name not in {"group", "variant", "seed", *means}]
    table = groups.agg(**{name: (name, "first") for name in kept}, **means, **spread).reset_index()
    table["efficiency"] = 100 * table["miou"] / table["gflops"]
    first = table.groupby("group", sort=False)[["miou", "miou_std"]].transform(lambda column: column.iloc[0])
    table["change"] = table["miou"] - first["miou"]
    table["noise"] = within_spread(table["change"], table["miou_std"], first["miou_std"])
    return table


def within_spread(change: pd.Series, spread: pd.Series, first_spread: pd.Series) -> pd.Series:
    """Whether a change of means is no larger than the standard deviation of a difference of two single runs.

    False where either spread is unknown (one seed): then nothing can be said, and the table shows one seed.
    """
    return change.abs() <= np.hypot(spread, first_spread)


def pareto_front(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that no other one beats in mIoU at the same cost or less, cheapest first."""
    by_cost = table.sort_values(["gflops", "miou"], ascending=[True, False])
    return by_cost[by_cost["miou"] > by_cost["miou"].cummax().shift(fill_value=-1)]


def markdown(table: pd.DataFrame, methods: Sequence[str]) -> str:
    """Write the table for reading: a section a group, percent, and a note on noise."""
    parts = []
    for group, rows in table.groupby("group", sort=False):
        used = [method for method in methods if (rows[method] == "Y").any()]
        head = ["variant", *used, "mIoU %", "change", "GFLOPs", "params M", "mIoU % / GFLOPs", "train s", "seeds"]
        head += ["published %"] if rows["published"].notna().any() else []
        lines = [_line(head), _line(["---"] + ["---:"] * (len(head) - 1))]
        lines += [_line(_cells(row, used, "published %" in head)) for _, row in rows.iterrows()]
        parts.append(f"## {group}\n\n" + "\n".join(lines) + "\n")
    several = (table["seeds"] > 1).any()
    note = "mIoU is the mean over seeds, +- their standard deviation; a change marked ~ is within the spread: noise.\n"
    alone = "Each row is one seed: nothing here says how large a difference chance alone makes (`--seeds 3` does).\n"
    return "\n".join([*parts, note if several else alone])


def _cells(row: "pd.Series[Any]", methods: Sequence[str], with_published: bool) -> list[str]:
    spread = f" +- {100 * row['miou_std']:.2f}" if row["seeds"] > 1 else ""
    published = [f"{100 * row['published']:.1f}" if pd.notna(row["published"]) else ""] if with_published else []
    return [
        row["variant"],
        *(row[method] for method in methods),
        f"{100 * row['miou']:.2f}{spread}",
        f"{100 * row['change']:+.2f}{' ~' if row['noise'] else ''}",
        f"{row['gflops']:.2f}",
        f"{row['params_m']:.2f}",
        f"{row['efficiency']:.3f}",
        f"{row['seconds']:.0f}",
        str(row["seeds"]),
        *published,
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
