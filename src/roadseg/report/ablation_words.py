"""The ablation table as a reader sees it: cells of text, and what to know about them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from roadseg.report.ablation import BUDGETS, best_of_classes
from roadseg.report.sources import source_of


def ablation_facts(
    table: pd.DataFrame, source: str | None = None, published: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Return what the templates show of a table.

    `source` is where the frames of the run beside it come from, `published` what others measured, see `published_rows`.
    """
    return {
        "ablation_elsewhere": elsewhere(table, source) if source else "",
        "ablation_groups": sections(table),
        "ablation_note": note(table),
        "ablation_caption": caption(table),
        "ablation_published": [] if published is None else published_rows(published),
    }


def sections(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Cut the table for reading: for each group its title, the head's cells, which columns hold words, and the rows."""
    result = []
    for group, rows in table.groupby("group", sort=False):
        methods = [str(name) for name in table if rows[name].isin(["Y", "N"]).all() and (rows[name] == "Y").any()]
        pooled = "miou_pooled" in rows and rows["miou_pooled"].notna().any()
        rows = rows.assign(best=best_of_classes(rows))
        head = ["variant", *methods, "mIoU %", *(["pooled %"] if pooled else []), "change", "against", "GFLOPs"]
        head += ["ran", "params M", "% / GFLOP", "% / ran", "best up to", "train s", "seeds"]
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
        "pooled %": _number("{:.2f}", 100 * row.get("miou_pooled", float("nan"))),
        "change": _number("{:+.2f}", 100 * row["change"]) + noise,
        "against": row["against"],
        "GFLOPs": _number("{:.2f}", row["gflops"]),
        "ran": _number("{:.2f}", row["gflops_ran"]),
        "params M": _number("{:.2f}", row["params_m"]),
        "% / GFLOP": _number("{:.3f}", row["efficiency"]),
        "% / ran": _number("{:.3f}", row["efficiency_ran"]),
        "best up to": row["best"],
        "train s": _number("{:.0f}", row["seconds"]),
        "seeds": row["seeds"],
        "published %": _number("{:.1f}", 100 * row["published"]),
    }


def published_rows(published: pd.DataFrame) -> list[str]:
    """Say what each published figure was measured on, and how; `published` has the fields of experiments.yaml."""
    return [
        f"{row['name']} ({row['source']}): {100 * row['miou']:.2f} % at {row['gflops']:g} GFLOPs, {row['measure']}"
        for row in published.to_dict("records")
    ]


def _number(form: str, value: float) -> str:
    return form.format(value) if pd.notna(value) else ""


def note(table: pd.DataFrame) -> str:
    """Say what the changes are against, and how far they can be trusted."""
    if "miou_pooled" in table:
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
    cost = "GFLOPs are counted at the study's size, those under ran at the input size, times the passes."
    best = (
        f"The best of a group up to {', '.join(map(str, BUDGETS[:-1]))} and {BUDGETS[-1]} GFLOPs as run is marked so."
    )
    return f"A change is that of the mIoU against the variant named beside it.{several} {trust} {cost} {best}"


def elsewhere(table: pd.DataFrame, source: str) -> str:
    """Say that the ablation's frames are not those of the run that the report is about; nothing where they are."""
    if set(table["data"]) <= {source}:
        return ""
    return (
        f"These figures are of {_frames(table)}, not of {source_of(source).name}, which the rest of this report is of."
    )


def caption(table: pd.DataFrame) -> str:
    """Say which frames the points of the picture are of."""
    return (
        "mIoU over GFLOPs, by the study's rule and as it ran. Circles were measured by this pipeline on "
        f"{_frames(table)}; crosses are figures that others published, on splits and by measures of their own; a ring "
        "marks the best up to a budget of GFLOPs as run. Panels of different frames don't compare."
    )


def _frames(rows: pd.DataFrame) -> str:
    return " and ".join(source_of(name).name for name in rows["data"].unique())
