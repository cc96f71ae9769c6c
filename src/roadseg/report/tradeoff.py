"""The picture of accuracy against cost."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from roadseg.report.ablation import COSTS, best_of_budgets, pareto_front
from roadseg.report.escape import in_picture
from roadseg.report.figures import save_figure
from roadseg.report.sources import source_of

_EFFICIENCIES = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)  # mIoU % per GFLOP
# of names beside points: a letter's width and the distance in widths of a panel, a line's height in percent of mIoU
_LETTER, _GAP, _LINE = 0.012, 0.02, 2.8


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
        _plot_panel(axes, table[table["data"] == data], others, cost)
        axes.set_title(f"on {in_picture(source_of(data).name)}")
    for axes in grid[:, 0]:
        axes.set_ylabel("test mIoU, %")
    figure.subplots_adjust(wspace=0.06, hspace=0.25)
    save_figure(figure, path)


def _plot_panel(axes: Axes, measured: pd.DataFrame, published: pd.DataFrame, cost: str) -> None:
    """Plot what was measured and published on one data set over one of the costs, a column of both."""
    for source, points in published.groupby("source", sort=False):
        label = f"published: {in_picture(str(source))}"
        axes.scatter(points[cost], 100 * points["miou"], marker="x", label=label, s=30, alpha=0.8)
    for group, points in measured.groupby("group", sort=False):
        label = f"measured: {in_picture(str(group))}"
        axes.scatter(points[cost], 100 * points["miou"], marker="o", label=label, s=45, zorder=3)
    if len(measured) > 1:
        front = pareto_front(measured, cost)
        axes.plot(front[cost], 100 * front["miou"], color="black", lw=1, zorder=2, label="Pareto front, measured")
    if len(measured) > 1 and cost == "gflops_ran":
        budgets = best_of_budgets(measured)
        best = measured[budgets != ""].sort_values(cost)
        label = f"best up to {', '.join(budgets[best.index])} GFLOPs"
        axes.scatter(best[cost], 100 * best["miou"], s=140, facecolors="none", edgecolors="black", label=label)
    points = pd.concat([rows for rows in (measured.assign(name=measured["variant"]), published) if len(rows)])
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(points[cost].min() / 2, points[cost].max() * 2)
    axes.set_ylim(0, 100)
    _write_names(axes, points[cost].to_numpy(), 100 * points["miou"].to_numpy(), points["name"].tolist())
    _plot_lines_of_equal_efficiency(axes)
    axes.set_xlabel(f"{COSTS[cost]} (log scale)")
    axes.legend(loc="lower right", fontsize=8)


def _write_names(axes: Axes, costs: np.ndarray, mious: np.ndarray, names: list[str]) -> None:
    """Write each point's name on its right, else on its left, else higher: where no point or other name is in the way.

    Costs in GFLOPs and mIoU in percent are (N,) float.
    """
    low, high = np.log(axes.get_xlim())
    places = (np.log(costs) - low) / (high - low)  # 0..1 from the left
    taken = [(place - _GAP / 2, place + _GAP / 2, height) for place, height in zip(places, mious, strict=True)]
    for i in np.argsort(mious, kind="stable"):
        width = _LETTER * len(names[i])
        lefts = {"left": places[i] + _GAP, "right": places[i] - _GAP - width}  # by the side that is at the point
        for height, side in product(mious[i] + _LINE * np.arange(len(taken)), lefts):
            begin, end = lefts[side], lefts[side] + width
            is_free = all(b > end or e < begin or abs(h - height) >= _LINE for b, e, h in taken)
            if begin > 0 and end < 1 and is_free:
                break
        taken.append((begin, end, height))
        offset, point = (6 if side == "left" else -6, -3), (costs[i], height)
        axes.annotate(in_picture(names[i]), point, offset, textcoords="offset points", fontsize=7, ha=side)


def _plot_lines_of_equal_efficiency(axes: Axes) -> None:
    low, high = axes.get_xlim()
    gflops = np.geomspace(low, high, 200)
    for efficiency in _EFFICIENCIES:
        axes.plot(gflops, efficiency * gflops, color="grey", lw=0.6, ls=":", zorder=1)
        if 2 * low < (top := 90 / efficiency) < high:
            axes.annotate(f"{efficiency:g} %/GFLOP", (top, 95), fontsize=7, color="grey", ha="right")
