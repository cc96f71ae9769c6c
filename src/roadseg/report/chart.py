"""Accuracy over cost as a drawing of a page, whose points say what they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from roadseg.report.ablation import COSTS, pareto_front
from roadseg.report.sources import source_of

WIDTH, HEIGHT = 640, 360  # of a panel's drawing, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 24, 16, 44
_TICKS = tuple(step * 10.0**power for power in range(-2, 4) for step in (1, 1.5, 2, 3, 5, 7))  # GFLOPs


def panels(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return panels for each data set of an ablation table: points, ticks and Pareto front in drawing units.

    There is one over the cost by the study's rule and one over that as it ran. A variant that has not run has no point.
    """
    ran = table[table["miou"].notna()]
    return [_panel(rows, str(data), cost) for data, rows in ran.groupby("data", sort=False) for cost in COSTS]


def _panel(rows: pd.DataFrame, data: str, cost: str) -> dict[str, Any]:
    low, high = np.log(rows[cost].min() / 1.4), np.log(rows[cost].max() * 1.4)
    top = min(100, 10 * np.ceil(100 * rows["miou"].max() / 10 + 0.5))  # percent

    def x(gflops: float) -> float:
        return round(float(_LEFT + (np.log(gflops) - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)), 1)

    def y(percent: float) -> float:
        return round(float(HEIGHT - _BOTTOM - percent / top * (HEIGHT - _TOP - _BOTTOM)), 1)

    front = [(x(row[cost]), y(100 * row["miou"])) for row in pareto_front(rows, cost).to_dict("records")]
    return {
        "title": f"on {source_of(data).name}",
        "cost": COSTS[cost],
        "points": [_point(row, x(row[cost]), y(100 * row["miou"])) for row in rows.to_dict("records")],
        "front": " ".join(f"{px},{py}" for px, py in front),
        "x_ticks": [(x(tick), f"{tick:g}") for tick in _ticks(np.exp(low), np.exp(high))],
        "y_ticks": [(y(tick), f"{tick:g}") for tick in np.arange(0, top + 1, 20 if top > 50 else 10)],
    }


def _ticks(low: float, high: float) -> Sequence[float]:
    inside = [tick for tick in _TICKS if low <= tick <= high]
    return inside or [float(f"{np.sqrt(low * high):.2g}")]


def _point(row: Mapping[Any, Any], x: float, y: float) -> dict[str, Any]:
    spread = f" +- {100 * row['miou_std']:.2f}" if pd.notna(row["miou_std"]) else ""
    cost = f"{row['gflops']:.2f} GFLOPs, {row['gflops_ran']:.2f} as it ran, {row['params_m']:.2f} M parameters"
    return {
        "x": x,
        "y": y,
        "name": row["variant"],
        "anchor": "end" if x > 0.7 * WIDTH else "start",
        "dx": -8 if x > 0.7 * WIDTH else 8,
        "says": f"{row['variant']} ({row['group']}): mIoU {100 * row['miou']:.2f}{spread} %, {cost}",
    }
