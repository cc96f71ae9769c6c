"""The page's drawing of accuracy over cost puts its points where they belong."""

import math

import pytest
from report_facts import run_of

from roadseg.report.ablation import ablation_table
from roadseg.report.chart import HEIGHT, WIDTH, panels

RUNS = [
    run_of("cheap", miou=0.40, gflops=1.0),
    run_of("dear", miou=0.60, gflops=16.0),
    run_of("middle", miou=0.50, gflops=4.0),
    run_of("beaten", miou=0.30, gflops=4.0),
    run_of("later", miou=None, gflops=None, gflops_ran=None, params_m=None, seconds=None),
]


def test_the_cost_is_on_a_log_scale_and_the_front_joins_the_unbeaten():
    panel, _ = panels(ablation_table(RUNS))
    at = {point["name"]: (point["x"], point["y"]) for point in panel["points"]}
    assert set(at) == {"cheap", "dear", "middle", "beaten"}, "what has not run has no point"
    assert at["middle"][0] == pytest.approx((at["cheap"][0] + at["dear"][0]) / 2, abs=0.11)
    assert at["cheap"][1] - at["middle"][1] == pytest.approx(at["middle"][1] - at["dear"][1], abs=0.11)
    assert panel["front"] == " ".join(f"{x},{y}" for x, y in (at["cheap"], at["middle"], at["dear"]))
    ticks = {float(text): x for x, text in panel["x_ticks"]}
    assert ticks[2] - ticks[1] == pytest.approx(math.log(2) / math.log(16) * (at["dear"][0] - at["cheap"][0]), abs=0.2)


def test_all_is_inside_the_drawing_even_one_point_alone():
    for table in (ablation_table(RUNS[:1]), ablation_table(RUNS)):
        for panel in panels(table):
            assert panel["x_ticks"]
            for point in panel["points"]:
                assert 40 < point["x"] < WIDTH
                assert 0 < point["y"] < HEIGHT - 40


def test_the_cost_as_it_ran_has_a_panel_of_its_own():
    runs = [run_of("small", miou=0.4, gflops=2.0, gflops_ran=1.0), run_of("wide", miou=0.5, gflops=1.0, gflops_ran=9.0)]
    by_rule, as_run = panels(ablation_table(runs))
    assert (by_rule["cost"], as_run["cost"]) == ("GFLOPs for one 375x1242 image", "GFLOPs of a frame as it ran")
    small, wide = as_run["points"]
    assert small["x"] < wide["x"]
    assert as_run["front"].split() == [f"{small['x']},{small['y']}", f"{wide['x']},{wide['y']}"]
    assert len(by_rule["front"].split()) == 1


def test_each_data_set_has_a_panel_and_a_point_says_its_spread():
    runs = [run_of("a", miou=0.4), run_of("a", miou=0.6, seed=2), run_of("b", data="kitti", group="h")]
    first, _, second, _ = panels(ablation_table(runs))
    assert (first["title"], second["title"]) == ("on generated scenes", "on KITTI frames")
    assert first["points"][0]["says"] == (
        "a (g): mIoU 50.00 +- 14.14 %, 9.00 GFLOPs, 4.00 as it ran, 1.00 M parameters"
    )
