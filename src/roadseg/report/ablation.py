"""From single runs to the ablation table: means over seeds, changes against the group's first row, what is noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


def ablation_table(runs: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a table with a row per variant from rows of single runs, in their order.

    A run has `group`, `variant`, `seed`, `data` (which frames), the method columns, `miou` (0..1), `gflops`,
    `params_m`, `seconds` and `published` (a figure or None). The table adds `seeds` (which), `miou_std` (over seeds,
    NaN for one), `change` (of the mean mIoU against the group's first variant), `noise` (whether that is within the
    spread) and `efficiency`.
    """
    groups = pd.DataFrame(runs).groupby(["group", "variant"], sort=False)
    means = {name: (name, "mean") for name in ("miou", "gflops", "params_m", "seconds")}
    spread = {"miou_std": ("miou", "std"), "seeds": ("seed", lambda seeds: ", ".join(map(str, seeds)))}
    kept = [name for name in runs[0] if name not in {"group", "variant", "seed", *means}]
    table = groups.agg(**{name: (name, "first") for name in kept}, **means, **spread).reset_index()
    table["efficiency"] = 100 * table["miou"] / table["gflops"]
    first = table.groupby("group", sort=False)[["miou", "miou_std"]].transform(lambda column: column.iloc[0])
    table["change"] = table["miou"] - first["miou"]
    is_first = table.groupby("group", sort=False).cumcount() == 0
    table["noise"] = within_spread(table["change"], table["miou_std"], first["miou_std"]) & ~is_first
    return table


def within_spread(change: pd.Series, spread: pd.Series, first_spread: pd.Series) -> pd.Series:
    """Return whether a change of means is no larger than the standard deviation of a difference of two single runs.

    False where either spread is unknown (one seed): then the spread is unknown, and the table shows one seed.
    """
    return change.abs() <= np.hypot(spread, first_spread)


def pareto_front(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that no other one beats in mIoU at the same cost or less, cheapest first."""
    by_cost = table.sort_values(["gflops", "miou"], ascending=[True, False])
    return by_cost[by_cost["miou"] > by_cost["miou"].cummax().shift(fill_value=-1)]


def sections(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Cut the table for reading: for each group its title, the head's cells and the rows' cells, all text."""
    result = []
    for group, rows in table.groupby("group", sort=False):
        methods = [str(name) for name in table if rows[name].isin(["Y", "N"]).all() and (rows[name] == "Y").any()]
        head = ["variant", *methods, "mIoU %", "change", "GFLOPs", "params M", "% / GFLOP", "train s", "seeds"]
        head += ["published %"] if rows["published"].notna().any() else []
        cells = [_cells(row, methods, "published %" in head) for _, row in rows.iterrows()]
        frames = " and ".join(data_name(name) for name in rows["data"].unique())
        result.append({"title": f"{group}, on {frames}", "head": head, "rows": cells})
    return result


def data_name(source: str) -> str:
    """Return what the frames of a source (`data.source`) are called in a sentence."""
    names = {"synthetic": "generated scenes", "kitti": "KITTI frames", "seg_data": "the user's own frames"}
    return names.get(source, f"{source} frames")


def caption(table: pd.DataFrame) -> str:
    """Say which frames the points of the picture are of."""
    measured = " and ".join(data_name(name) for name in table["data"].unique())
    return (
        f"mIoU over GFLOPs. Circles were measured by this pipeline on {measured}; crosses are figures that others "
        "published for KITTI frames, with splits of their own. Panels of different frames don't compare."
    )


def note(table: pd.DataFrame) -> str:
    """Say how far the table's differences can be trusted."""
    if table["miou_std"].notna().any():
        return "mIoU is the mean over seeds, +- their standard deviation; a change marked ~ is within it: noise."
    return "Each row is one seed: nothing here says how large a difference chance alone makes (--seeds 3 does)."


def markdown(table: pd.DataFrame) -> str:
    """Write the table for reading: a section a group, and the note."""
    parts = []
    for section in sections(table):
        head, rows = section["head"], section["rows"]
        lines = [_line(cells) for cells in (head, ["---"] + ["---:"] * (len(head) - 1), *rows)]
        parts.append(f"### {section['title']}\n\n" + "\n".join(lines))
    return "\n\n".join([*parts, note(table)]) + "\n"


def _cells(row: "pd.Series[Any]", methods: Sequence[str], with_published: bool) -> list[str]:
    spread = f" +- {100 * row['miou_std']:.2f}" if pd.notna(row["miou_std"]) else ""
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
