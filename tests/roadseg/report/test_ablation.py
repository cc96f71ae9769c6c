"""The ablation table against hand-computed means, changes and spreads, its words, and its Pareto front."""

import cv2
import numpy as np
import pandas as pd
import pytest

from roadseg.pipeline.errors import UserError
from roadseg.report.ablation import COSTS, ablation_table, best_of_classes, pareto_front, read_table, write_table
from roadseg.report.ablation_words import ablation_facts, caption, note, published_rows, sections
from roadseg.report.pages import render
from roadseg.report.tradeoff import plot_tradeoff


def run(variant, seed, miou, gflops=10.0, group="quick", dice="N", published=None, data="synthetic", **other):
    cost = {"gflops": gflops, "gflops_ran": gflops / 4, "params_m": gflops / 2, "seconds": 60.0 + seed}
    methods = {"dice": dice, "cosine": "N"}
    named = {"group": group, "variant": variant, "seed": seed, "data": data, "against": "", "changed": ""} | other
    if miou is None:
        cost = dict.fromkeys(cost)
    return named | methods | {"miou": miou} | cost | {"published": published}


def markdown(table):
    return render("ablation.md.j2", ablation_facts(table))


def test_means_changes_and_noise_by_hand():
    table = ablation_table([
        *(run("ce", seed, miou) for seed, miou in enumerate([0.50, 0.52, 0.54], 1)),
        *(run("dice", seed, miou, dice="Y", against="ce") for seed, miou in enumerate([0.52, 0.54, 0.56], 1)),
        *(run("best", seed, miou, gflops=20.0, against="dice") for seed, miou in enumerate([0.60, 0.62, 0.64], 1)),
    ]).set_index("variant")  # fmt: skip
    assert table["miou"].tolist() == pytest.approx([0.52, 0.54, 0.62])
    assert table["miou_std"].tolist() == pytest.approx([0.02] * 3)
    assert table["change"].tolist() == pytest.approx([np.nan, 0.02, 0.08], nan_ok=True)
    # the spread of a difference is 0.02 * sqrt(2) = 0.028: 0.02 is within it, 0.08 is not
    assert table["noise"].tolist() == [False, True, False]
    assert table["seeds"].tolist() == ["1, 2, 3"] * 3
    assert table["seconds"].tolist() == pytest.approx([62] * 3)
    assert table["efficiency"].tolist() == pytest.approx([5.2, 5.4, 3.1])
    assert table["efficiency_ran"].tolist() == pytest.approx([20.8, 21.6, 12.4])
    assert table["dice"].tolist() == ["N", "Y", "N"]


def test_each_row_is_compared_with_the_one_it_names_in_its_own_group():
    table = ablation_table([
        run("a", 1, 0.3),
        run("b", 1, 0.4, against="a"),
        run("c", 1, 0.45, against="b"),
        run("d", 1, 0.3, against="c"),
        run("a", 1, 0.7, group="study"),
        run("b", 1, 0.5, group="study", against="a"),
    ])  # fmt: skip
    expected = [np.nan, 0.1, 0.05, -0.15, np.nan, -0.2]
    assert table["change"].tolist() == pytest.approx(expected, nan_ok=True)
    assert not table["noise"].any()  # one seed says nothing of noise
    assert table["miou_std"].isna().all()


def test_a_variant_that_has_not_run_stands_in_the_table_without_figures():
    table = ablation_table([run("a", 1, None), run("b", 1, 0.4, against="a"), run("c", 1, 0.5, against="b")])
    assert table["change"].tolist() == pytest.approx([np.nan, np.nan, 0.1], nan_ok=True)
    rows = {row[0]: row[1:] for row in sections(table)[0]["rows"]}
    assert rows["a"] == ["not run", "", "", "", "", "", "", "", "", "", ""]
    assert rows["b"][:3] == ["40.00", "", "a"]
    some = ablation_table([run("a", 1, 0.5), run("a", 2, None), run("a", 3, 0.7)])
    assert some["miou"].tolist() == [0.6]
    assert some["seeds"].tolist() == ["1, 3"]


def test_a_table_is_read_as_it_was_written(tmp_path):
    runs = [run("nan", 1, 0.5, published=0.25), run("None", 2, None, against="nan", changed="loss, train.lr")]
    written = ablation_table([*runs, run("ä", 1, 0.625, against="nan"), run("ä", 2, 0.5, against="nan")])
    write_table(written, tmp_path / "a.csv")
    table = read_table(tmp_path / "a.csv")
    assert sections(table) == sections(written)
    assert note(table) == note(written)
    for column in ("miou", "change", "noise"):
        assert table[column].tolist() == pytest.approx(written[column].tolist(), nan_ok=True)


def test_a_table_of_an_older_version_is_refused_with_the_remedy(tmp_path):
    file = tmp_path / "a.csv"
    write_table(ablation_table([run("a", 1, 0.5)]).drop(columns="against"), file)
    with pytest.raises(UserError, match=r"a\.csv has no column against; make it again: python src/ablate\.py table"):
        read_table(file)
    write_table(ablation_table([run("a", 1, 0.5)]).assign(miou="good"), file)
    with pytest.raises(UserError, match=r"a\.csv: .*good.*; make it again"):
        read_table(file)


def test_a_table_that_is_missing_is_named_with_the_remedy(tmp_path):
    message = r"none\.csv is missing; git checkout .*none\.csv, or make it: python src/ablate\.py table$"
    with pytest.raises(UserError, match=message):
        read_table(tmp_path / "none.csv")


def test_pareto_front_keeps_what_nothing_cheaper_beats():
    rows = [("a", 10, 0.5), ("b", 10, 0.6), ("c", 20, 0.55), ("d", 30, 0.7), ("e", 40, 0.7), ("f", 5, 0.2)]
    table = pd.DataFrame(rows, columns=["variant", "gflops", "miou"])
    assert pareto_front(table, "gflops")["variant"].tolist() == ["f", "b", "d"]


def test_a_larger_input_buys_no_place_on_the_front_of_the_cost_as_run():
    rows = [("small", 1.5, 0.3, 0.58), ("b0", 1.04, 1.05, 0.60), ("b0 twelve times", 1.04, 12.0, 0.59)]
    table = pd.DataFrame(rows, columns=["variant", "gflops", "gflops_ran", "miou"])
    assert pareto_front(table, "gflops_ran")["variant"].tolist() == ["small", "b0"]
    assert pareto_front(table, "gflops")["variant"].tolist() == ["b0"]


def test_markdown_shows_methods_spread_noise_and_what_was_published():
    runs = [run("ce", seed, miou) for seed, miou in ((1, 0.50), (2, 0.54))]
    runs += [
        run("dice", seed, miou, dice="Y", published=0.512, against="ce", changed="loss")
        for seed, miou in ((1, 0.51), (2, 0.55))
    ]
    text = markdown(ablation_table(runs))
    head = "| variant | dice | mIoU % | change | against | GFLOPs | ran | params M | % / GFLOP | % / ran |"
    head += " best up to | train s | seeds |"
    assert text.splitlines()[0] == "### quick, on generated scenes"
    assert text.splitlines()[2:6] == [
        f"{head} published % |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| ce | N | 52.00 +- 2.83 |  |  | 10.00 | 2.50 | 5.00 | 5.200 | 20.800 |  | 62 | 1, 2 |  |",
        "| dice | Y | 53.00 +- 2.83 | +1.00 ~ | ce | 10.00 | 2.50 | 5.00 | 5.300 | 21.200 | 3 | 62 | 1, 2 | 51.2 |",
    ]
    assert "a change marked ~ is within it: noise" in note(ablation_table(runs))
    assert "Each row is one seed" in note(ablation_table(runs[:1]))


def test_folds_have_a_figure_of_all_together(tmp_path):
    runs = [run("ce", k, miou, miou_pooled=0.61) for k, miou in ((1, 0.50), (2, 0.54))]
    runs.append(run("new", 1, None, miou_pooled=None))
    table = ablation_table(runs)
    assert table["miou_pooled"].tolist() == pytest.approx([0.61, np.nan], nan_ok=True)
    lines = markdown(table).splitlines()
    assert lines[2].startswith("| variant | mIoU % | pooled % | change |")
    assert lines[4].startswith("| ce | 52.00 +- 2.83 | 61.00 |  |")
    assert lines[5].startswith("| new | not run |  |  |")
    assert "Pooled is the mIoU of all folds' frames together" in note(table)
    assert "over seeds, +-" not in note(table)
    write_table(table, tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv")["miou_pooled"].tolist() == pytest.approx([0.61, np.nan], nan_ok=True)
    assert "ooled" not in markdown(ablation_table([run("ce", 1, 0.5)]))


def test_folds_are_compared_fold_by_fold():
    folds = (1, 2, 3)
    easy_to_hard, better, other = (0.6, 0.5, 0.2), (0.63, 0.52, 0.24), (0.7, 0.3, 0.27)
    table = ablation_table([
        *(run("ce", fold, miou, miou_pooled=0.50) for fold, miou in zip(folds, easy_to_hard, strict=True)),
        *(run("better", *pair, miou_pooled=0.53, against="ce") for pair in zip(folds, better, strict=True)),
        *(run("other", *pair, miou_pooled=0.49, against="ce") for pair in zip(folds, other, strict=True)),
    ]).set_index("variant")  # fmt: skip
    assert table["change"].tolist() == pytest.approx([np.nan, 0.03, -0.01], nan_ok=True)
    # differences 3, 2, 4 with a deviation of 1, and 10, -20, 7 with one of 17, where the folds' own is some 20
    assert table["noise"].tolist() == [False, False, True]


def test_the_best_of_each_budget_is_marked():
    # as run, a quarter of: 0.9, 1.0, 2.9, 3.0, 15 and 20 GFLOPs
    rows = [
        ("a", 3.6, 0.40),
        ("b", 4.0, 0.39),
        ("c", 11.6, 0.35),
        ("d", 12.0, 0.50),
        ("e", 60.0, 0.45),
        ("f", 80.0, 0.9),
    ]
    table = ablation_table([*(run(name, 1, miou, gflops=gflops) for name, gflops, miou in rows), run("g", 1, None)])
    # nothing costs from 3 to 6, so that 6 buys nothing new; up to 16 the one of 3 is still the best
    assert best_of_classes(table).tolist() == ["1", "", "", "3, 16", "", "", ""]
    assert "| 5.000 | 3, 16 | 61 |" in markdown(table).replace("16.667", "5.000")


def test_published_figures_say_what_they_are_of():
    row = {"name": "B0", "source": "Cai", "data": "cityscapes", "gflops": 0.98, "miou": 0.7565, "measure": "their val"}
    assert published_rows(pd.DataFrame([row])) == ["B0 (Cai): 75.65 % at 0.98 GFLOPs, their val"]
    text = render(
        "ablation.md.j2", ablation_facts(ablation_table([run("ce", 1, 0.5)]), published=pd.DataFrame([row] * 2))
    )
    assert text.rstrip("\n").endswith(
        "row by row:\n\n- B0 (Cai): 75.65 % at 0.98 GFLOPs, their val\n- B0 (Cai): 75.65 % at 0.98 GFLOPs, their val"
    )


def test_the_note_names_rows_that_differ_in_more_than_one_parameter():
    runs = [run("a", 1, 0.5), run("b", 1, 0.5, against="a", changed="loss")]
    assert "More than one" not in note(ablation_table(runs))
    runs += [run("c", 1, 0.5, against="a", changed="loss, model"), run("d", 1, 0.5, against="a", changed="x, y")]
    assert " More than one parameter differs in c (loss, model); d (x, y). " in note(ablation_table(runs))


def test_the_picture_is_the_same_bytes_for_the_same_table(tmp_path):
    table = ablation_table([run("ce", 1, 0.5), run("big", 1, 0.6, gflops=80.0)])
    published = pd.DataFrame([{"name": "UNet", "source": "others", "data": "kitti", "gflops": 356, "miou": 0.456}])
    for name in ("a.png", "b.png"):
        plot_tradeoff(table, published, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert picture.shape[0] > 400
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_the_picture_takes_any_name_and_leaves_out_what_has_not_run(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("roadseg.report.tradeoff.save_figure", lambda figure, _: figures.append(figure))
    table = ablation_table([run("cam$1_$_0", 1, 0.5, group="$_$"), run("none", 1, None)])
    published = pd.DataFrame([{"name": "日$^$", "source": "_{$x$}", "data": "$_$", "gflops": 356, "miou": 0.456}])
    plot_tradeoff(table, published, tmp_path / "a.png")
    figures[0].savefig(tmp_path / "a.png")
    assert "none" not in {text.get_text() for text in figures[0].axes[0].texts}
    empty = pd.DataFrame([], columns=published.columns)
    plot_tradeoff(table, empty, tmp_path / "a.png")
    assert [axes.get_title() for axes in figures[1].axes] == ["on generated scenes"] * 2
    assert [axes.get_xlabel().split(" (")[0] for axes in figures[1].axes] == list(COSTS.values())


def test_figures_on_different_frames_stand_in_different_panels(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("roadseg.report.tradeoff.save_figure", lambda figure, _: figures.append(figure))
    table = ablation_table([run("ce", 1, 0.5), run("real", 1, 0.6, gflops=80.0, group="corrected", data="kitti")])
    published = pd.DataFrame([{"name": "UNet", "source": "others", "data": "kitti", "gflops": 356, "miou": 0.456}])
    plot_tradeoff(table, published, tmp_path / "a.png")
    by_rule = [axes for axes in figures[0].axes if axes.get_xlabel().startswith("GFLOPs for one 375x1242 image")]
    names = {axes.get_title(): {text.get_text() for text in axes.texts} for axes in by_rule}
    as_run = [axes for axes in figures[0].axes if axes not in by_rule]
    assert [axes.get_title() for axes in as_run] == list(names)
    assert not any("UNet" in {text.get_text() for text in axes.texts} for axes in as_run), "theirs is not known"
    assert list(names) == ["on generated scenes", "on KITTI frames"]
    assert "ce" in names["on generated scenes"]
    assert not {"UNet", "real"} & names["on generated scenes"]
    assert {"UNet", "real"} <= names["on KITTI frames"]
    assert "on generated scenes and KITTI frames; crosses are figures that others published, on" in caption(table)
