"""The picture of accuracy against cost."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from roadseg.report.ablation import pareto_front

_EFFICIENCIES = (0.1, 0.3, 1, 3, 10)  # mIoU % per GFLOP


def draw_tradeoff(table: pd.DataFrame, published: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw mIoU in percent over GFLOPs: the table's rows, their Pareto front, and published figures apart from them.

    `table` has `group`, `variant`, `miou`, `gflops`; `published` rows have `name`, `source`, `miou`, `gflops`.
    """
    figure = Figure(figsize=(9, 5.5))
    axes = figure.add_subplot()
    others = pd.DataFrame(published, columns=["name", "source", "gflops", "miou"])
    for source, points in others.groupby("source", sort=False):
        _points(axes, points, points["name"], marker="x", label=f"published: {source}", s=30, alpha=0.6)
    for group, points in table.groupby("group", sort=False):
        _points(axes, points, points["variant"], marker="o", label=f"measured: {group}", s=45, zorder=3)
    front = pareto_front(table)
    axes.plot(front["gflops"], 100 * front["miou"], color="black", lw=1, zorder=2, label="Pareto front of the measured")
    costs = pd.concat([table["gflops"], others["gflops"]])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(costs.min() / 1.4, costs.max() * 1.6)
    axes.set_ylim(0, 100)
    _lines_of_equal_efficiency(axes)
    axes.set_xlabel("GFLOPs for one 375x1242 image (log scale)")
    axes.set_ylabel("test mIoU, %")
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})


def _points(axes: Axes, points: pd.DataFrame, names: "pd.Series[str]", **style: Any) -> None:
    axes.scatter(points["gflops"], 100 * points["miou"], **style)
    lowest = -np.inf
    for (_, point), name in sorted(zip(points.iterrows(), names, strict=True), key=lambda pair: pair[0][1]["miou"]):
        lowest = max(100 * point["miou"], lowest + 2.8)  # names of close points are stacked, not printed on each other
        axes.annotate(name, (point["gflops"], lowest), (6, -3), textcoords="offset points", fontsize=7)


def _lines_of_equal_efficiency(axes: Axes) -> None:
    low, high = axes.get_xlim()
    gflops = np.geomspace(low, high, 200)
    for efficiency in _EFFICIENCIES:
        axes.plot(gflops, efficiency * gflops, color="grey", lw=0.6, ls=":", zorder=1)
        if low < (top := 90 / efficiency) < high:
            axes.annotate(f"{efficiency:g} %/GFLOP", (top, 90), fontsize=7, color="grey", ha="right")
