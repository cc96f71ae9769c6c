"""The picture of accuracy against cost."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from roadseg.report.ablation import COSTS, best_of_classes, pareto_front
from roadseg.report.figures import save_figure
from roadseg.report.outside import in_picture
from roadseg.report.sources import source_of

_EFFICIENCIES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)  # mIoU % per GFLOP


def plot_tradeoff(table: pd.DataFrame, published: pd.DataFrame, path: Path) -> None:
    """Plot mIoU in percent over GFLOPs: panels for each data set, since figures on different frames don't compare.

    One is over the cost by the study's rule and, where something was measured, one over the cost as it ran.
    `table` has `group`, `variant`, `data`, `miou` (0..1), `gflops` and `gflops_ran`; `published` has `name`, `source`,
    `data`, `miou` and `gflops`. A variant without a figure is left out. The Pareto front in a panel, and the best that
    has a ring, are of the variants measured here.
    """
    table = table[table["miou"].notna()]  # the others have not run
    data_sets = dict.fromkeys([*table["data"], *published["data"]])
    shown = [(data, cost) for data in data_sets for cost in COSTS if cost == "gflops" or data in set(table["data"])]
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(6 * columns, 5 * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for axes, (data, cost) in zip(grid.flat, shown, strict=False):
        others = published[published["data"] == data] if cost == "gflops" else published[:0]  # theirs is by the rule
        _plot_panel(axes, table[table["data"] == data], others, data, cost)
    for axes in grid[:, 0]:
        axes.set_ylabel("test mIoU, %")
    figure.subplots_adjust(wspace=0.06, hspace=0.25)
    save_figure(figure, path)


def _plot_panel(axes: Axes, measured: pd.DataFrame, published: pd.DataFrame, data: str, cost: str) -> None:
    """Plot what was measured and published on one data set over one of the costs, a column of both."""
    for source, points in published.groupby("source", sort=False):
        label = f"published: {in_picture(str(source))}"
        _plot_points(axes, points, cost, points["name"], marker="x", label=label, s=30, alpha=0.8)
    for group, points in measured.groupby("group", sort=False):
        label = f"measured: {in_picture(str(group))}"
        _plot_points(axes, points, cost, points["variant"], marker="o", label=label, s=45, zorder=3)
    if len(measured) > 1:
        front = pareto_front(measured, cost)
        axes.plot(front[cost], 100 * front["miou"], color="black", lw=1, zorder=2, label="Pareto front, measured")
    if len(measured) > 1 and cost == "gflops_ran":
        budgets = best_of_classes(measured)
        best = measured[budgets != ""].sort_values(cost)
        label = f"best up to {', '.join(budgets[best.index])} GFLOPs"
        axes.scatter(best[cost], 100 * best["miou"], s=140, facecolors="none", edgecolors="black", label=label)
    costs = pd.concat([points[cost] for points in (measured, published) if len(points)])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(costs.min() / 1.5, costs.max() * 2.2)  # room for the names
    axes.set_ylim(0, 100)
    _plot_lines_of_equal_efficiency(axes)
    axes.set_title(f"on {in_picture(source_of(data).name)}")
    axes.set_xlabel(f"{COSTS[cost]} (log scale)")
    axes.legend(loc="lower right", fontsize=8)


def _plot_points(axes: Axes, points: pd.DataFrame, cost: str, names: Iterable[str], **style: object) -> None:
    axes.scatter(points[cost], 100 * points["miou"], **style)  # type: ignore[arg-type]
    lowest = -np.inf
    for (_, point), name in sorted(zip(points.iterrows(), names, strict=True), key=lambda pair: pair[0][1]["miou"]):
        lowest = max(100 * point["miou"], lowest + 2.8)  # names of close points are stacked, not printed on each other
        axes.annotate(in_picture(name), (point[cost], lowest), (6, -3), textcoords="offset points", fontsize=7)


def _plot_lines_of_equal_efficiency(axes: Axes) -> None:
    low, high = axes.get_xlim()
    gflops = np.geomspace(low, high, 200)
    for efficiency in _EFFICIENCIES:
        axes.plot(gflops, efficiency * gflops, color="grey", lw=0.6, ls=":", zorder=1)
        if low < (top := 90 / efficiency) < high:
            axes.annotate(f"{efficiency:g} %/GFLOP", (top, 90), fontsize=7, color="grey", ha="right")
