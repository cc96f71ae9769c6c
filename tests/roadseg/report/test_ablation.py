"""The ablation table against hand-computed means, changes and spreads, and its Pareto front."""

import cv2
import numpy as np
import pandas as pd
import pytest

from roadseg.report.ablation import ablation_table, caption, markdown, pareto_front
from roadseg.report.tradeoff import plot_tradeoff


def run(variant, seed, miou, gflops=10.0, group="quick", dice="N", published=None, data="synthetic"):
    cost = {"gflops": gflops, "params_m": gflops / 2, "seconds": 60.0 + seed}
    methods = {"dice": dice, "cosine": "N"}
    named = {"group": group, "variant": variant, "seed": seed, "data": data}
    return named | methods | {"miou": miou} | cost | {"published": published}


def test_means_changes_and_noise_by_hand():
    table = ablation_table([
        *(run("ce", seed, miou) for seed, miou in enumerate([0.50, 0.52, 0.54], 1)),
        *(run("dice", seed, miou, dice="Y") for seed, miou in enumerate([0.52, 0.54, 0.56], 1)),
        *(run("best", seed, miou, gflops=20.0) for seed, miou in enumerate([0.60, 0.62, 0.64], 1)),
    ]).set_index("variant")  # fmt: skip
    assert table["miou"].tolist() == pytest.approx([0.52, 0.54, 0.62])
    assert table["miou_std"].tolist() == pytest.approx([0.02] * 3)
    assert table["change"].tolist() == pytest.approx([0, 0.02, 0.10])
    # the spread of a difference is 0.02 * sqrt(2) = 0.028: 0.02 is within it, 0.10 is not
    assert table["noise"].tolist() == [False, True, False]
    assert table["seeds"].tolist() == ["1, 2, 3"] * 3
    assert table["seconds"].tolist() == pytest.approx([62] * 3)
    assert table["efficiency"].tolist() == pytest.approx([5.2, 5.4, 3.1])
    assert table["dice"].tolist() == ["N", "Y", "N"]


def test_each_group_is_compared_with_its_own_first_row():
    table = ablation_table(
        [run("b", 1, 0.3), run("a", 1, 0.4), run("x", 1, 0.7, group="study"), run("y", 1, 0.5, group="study")]
    )
    assert table["variant"].tolist() == ["b", "a", "x", "y"]
    assert table["change"].tolist() == pytest.approx([0, 0.1, 0, -0.2])
    assert not table["noise"].any()  # one seed says nothing of noise
    assert table["miou_std"].isna().all()


def test_pareto_front_keeps_what_nothing_cheaper_beats():
    rows = [("a", 10, 0.5), ("b", 10, 0.6), ("c", 20, 0.55), ("d", 30, 0.7), ("e", 40, 0.7), ("f", 5, 0.2)]
    table = pd.DataFrame(rows, columns=["variant", "gflops", "miou"])
    assert pareto_front(table)["variant"].tolist() == ["f", "b", "d"]


def test_markdown_shows_methods_spread_noise_and_what_was_published():
    runs = [run("ce", seed, miou) for seed, miou in ((1, 0.50), (2, 0.54))]
    runs += [run("dice", seed, miou, dice="Y", published=0.512) for seed, miou in ((1, 0.51), (2, 0.55))]
    text = markdown(ablation_table(runs))
    assert text.splitlines()[0] == "### quick, on generated scenes"
    assert text.splitlines()[2:6] == [
        "| variant | dice | mIoU % | change | GFLOPs | params M | % / GFLOP | train s | seeds | published % |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| ce | N | 52.00 +- 2.83 | +0.00 | 10.00 | 5.00 | 5.200 | 62 | 1, 2 |  |",
        "| dice | Y | 53.00 +- 2.83 | +1.00 ~ | 10.00 | 5.00 | 5.300 | 62 | 1, 2 | 51.2 |",
    ]
    assert "a change marked ~ is within it: noise" in text
    assert "Each row is one seed" in markdown(ablation_table(runs[:1]))


def test_the_picture_is_the_same_bytes_for_the_same_table(tmp_path):
    table = ablation_table([run("ce", 1, 0.5), run("big", 1, 0.6, gflops=80.0)])
    published = pd.DataFrame([{"name": "UNet", "source": "others", "data": "kitti", "gflops": 356, "miou": 0.456}])
    for name in ("a.png", "b.png"):
        plot_tradeoff(table, published, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert picture.shape[0] > 400
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_figures_on_different_frames_stand_in_different_panels(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("roadseg.report.tradeoff.save_figure", lambda figure, _: figures.append(figure))
    table = ablation_table([run("ce", 1, 0.5), run("real", 1, 0.6, gflops=80.0, group="corrected", data="kitti")])
    published = pd.DataFrame([{"name": "UNet", "source": "others", "data": "kitti", "gflops": 356, "miou": 0.456}])
    plot_tradeoff(table, published, tmp_path / "a.png")
    names = {axes.get_title(): {text.get_text() for text in axes.texts} for axes in figures[0].axes}
    assert list(names) == ["on generated scenes", "on KITTI frames"]
    assert "ce" in names["on generated scenes"]
    assert not {"UNet", "real"} & names["on generated scenes"]
    assert {"UNet", "real"} <= names["on KITTI frames"]
    assert "on generated scenes and KITTI frames; crosses are figures that others published for KITTI" in caption(table)
