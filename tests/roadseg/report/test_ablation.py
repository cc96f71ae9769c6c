"""The ablation table against hand-computed means, changes and spreads, its words, and its picture."""

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from report_facts import run_of

from roadseg.pipeline.errors import UserError
from roadseg.report import tradeoff
from roadseg.report.ablation import (
    COSTS,
    ablation_facts,
    ablation_table,
    best_of_budgets,
    caption,
    groups,
    note,
    pareto_front,
    read_table,
    write_table,
)
from roadseg.report.pages import render
from roadseg.report.tradeoff import plot_tradeoff

PUBLISHED = {"name": "UNet", "source": "others", "data": "kitti", "gflops": 356, "miou": 0.456, "measure": "their val"}


def runs(variant, *mious, **changes):
    """The lines of a variant's runs, with seeds from 1 on."""
    return [run_of(variant, miou, seed=seed, **changes) for seed, miou in enumerate(mious, 1)]


def markdown(table, **others):
    return render("ablation.md.j2", ablation_facts(table, **others))


# --- numbers


def test_means_changes_and_noise_by_hand():
    table = ablation_table([
        *runs("ce", 0.50, 0.52, 0.54),
        *runs("dice", 0.52, 0.54, 0.56, against="ce"),
        *runs("best", 0.60, 0.62, 0.64, against="dice", gflops=20.0, gflops_ran=5.0),
    ]).set_index("variant")  # fmt: skip
    assert table["miou"].tolist() == pytest.approx([0.52, 0.54, 0.62])
    assert table["miou_std"].tolist() == pytest.approx([0.02] * 3)
    assert table["change"].tolist() == pytest.approx([np.nan, 0.02, 0.08], nan_ok=True)
    # the spread of a difference is 0.02 * sqrt(2) = 0.028: 0.02 is within it, 0.08 is not
    assert table["noise"].tolist() == [False, True, False]
    assert table["seeds"].tolist() == ["1, 2, 3"] * 3
    assert table["efficiency"].tolist() == pytest.approx([5.2, 5.4, 3.1])
    assert table["efficiency_ran"].tolist() == pytest.approx([20.8, 21.6, 12.4])


def test_each_row_is_compared_with_the_one_it_names_in_its_own_group():
    table = ablation_table([
        run_of("a", 0.3),
        run_of("b", 0.4, against="a"),
        run_of("c", 0.45, against="b"),
        run_of("d", 0.3, against="c"),
        run_of("a", 0.7, group="study"),
        run_of("b", 0.5, group="study", against="a"),
    ])  # fmt: skip
    expected = [np.nan, 0.1, 0.05, -0.15, np.nan, -0.2]
    assert table["change"].tolist() == pytest.approx(expected, nan_ok=True)
    assert not table["noise"].any()  # one seed says nothing of noise
    assert table["miou_std"].isna().all()


def test_folds_are_compared_fold_by_fold_and_by_the_miou_of_all_together(tmp_path):
    table = ablation_table([
        *runs("ce", 0.6, 0.5, 0.2, miou_pooled=0.50),
        *runs("better", 0.63, 0.52, 0.24, miou_pooled=0.53, against="ce"),
        *runs("other", 0.7, 0.3, 0.27, miou_pooled=0.49, against="ce"),
        *runs("new", None, miou_pooled=None),
    ])  # fmt: skip
    assert table["change"].tolist() == pytest.approx([np.nan, 0.03, -0.01, np.nan], nan_ok=True)
    # differences 3, 2, 4 with a deviation of 1, and 10, -20, 7 with one of 17, where the folds' own is some 20
    assert table["noise"].tolist() == [False, False, True, False]
    lines = markdown(table).splitlines()
    assert lines[2].startswith("| variant | mIoU % | pooled % | change |")
    assert lines[4].startswith("| ce | 43.33 +- 20.82 | 50.00 |  |")
    assert lines[7].startswith("| new | not run |  |  |")
    assert "Pooled is the mIoU of all folds' frames together" in note(table)
    write_table(table, tmp_path / "t.csv")
    assert groups(read_table(tmp_path / "t.csv")) == groups(table)
    assert "ooled" not in markdown(ablation_table(runs("ce", 0.5)))


def test_pareto_front_keeps_what_nothing_cheaper_beats():
    rows = [("a", 10, 0.5), ("b", 10, 0.6), ("c", 20, 0.55), ("d", 30, 0.7), ("e", 40, 0.7), ("f", 5, 0.2)]
    table = pd.DataFrame(rows, columns=["variant", "gflops", "miou"])
    assert pareto_front(table, "gflops")["variant"].tolist() == ["f", "b", "d"]


def test_the_best_of_each_budget_is_marked():
    rows = {"a": (0.9, 0.40), "b": (1.0, 0.39), "c": (2.9, 0.35), "d": (3.0, 0.50), "e": (15.0, 0.45), "f": (20.0, 0.9)}
    table = ablation_table([*(run_of(n, miou, gflops_ran=cost) for n, (cost, miou) in rows.items()), run_of("g", None)])
    # nothing costs from 3 to 6, so that 6 buys nothing new; up to 16 the one of 3 is still the best
    assert best_of_budgets(table).tolist() == ["1", "", "", "3, 16", "", "", ""]


def test_a_table_is_read_as_it_was_written(tmp_path):
    lines = [run_of("nan", published=0.25), run_of("None", None, seed=2, against="nan", changed="loss, train.lr")]
    written = ablation_table([*lines, *runs("ä", 0.625, 0.5, against="nan")])
    write_table(written, tmp_path / "a.csv")
    table = read_table(tmp_path / "a.csv")
    assert groups(table) == groups(written)
    assert note(table) == note(written)
    for column in ("miou", "change", "noise"):
        assert table[column].tolist() == pytest.approx(written[column].tolist(), nan_ok=True)


def test_a_table_that_is_missing_or_of_an_older_version_is_refused_with_the_remedy(tmp_path):
    file, table = tmp_path / "a.csv", ablation_table(runs("a", 0.5))
    with pytest.raises(UserError, match=r"a\.csv is missing; git checkout .*a\.csv, or make it: python src/ablate\.py"):
        read_table(file)
    write_table(table.drop(columns="against"), file)
    with pytest.raises(UserError, match=r"a\.csv has no column against; make it again: python src/ablate\.py table"):
        read_table(file)
    write_table(table.assign(miou="good"), file)
    with pytest.raises(UserError, match=r"a\.csv: .*good.*; make it again"):
        read_table(file)


# --- words


def test_markdown_shows_methods_spread_noise_and_what_was_published():
    table = ablation_table(
        [*runs("ce", 0.50, 0.54), *runs("dice", 0.51, 0.55, dice="Y", published=0.512, against="ce")]
    )
    head = "| variant | dice | mIoU % | change | against | GFLOPs | as run | params M | % / GFLOP | % / as run |"
    text = markdown(table, published=pd.DataFrame([PUBLISHED]))
    assert text.splitlines()[0] == "### quick, on generated scenes"
    assert text.splitlines()[2:6] == [
        f"{head} best up to | train s | seeds | published % |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| ce | N | 52.00 +- 2.83 |  |  | 10.00 | 2.50 | 5.00 | 5.200 | 20.800 |  | 61 | 1, 2 |  |",
        "| dice | Y | 53.00 +- 2.83 | +1.00 ~ | ce | 10.00 | 2.50 | 5.00 | 5.300 | 21.200 | 3 | 61 | 1, 2 | 51.2 |",
    ]
    assert text.rstrip("\n").endswith("row by row:\n\n- UNet (others): 45.60 % at 356 GFLOPs, their val")
    assert "a change marked ~ is within it: noise" in note(table)
    assert "Each row is one seed" in note(ablation_table(runs("ce", 0.5)))


def test_a_variant_that_has_not_run_stands_in_the_table_without_figures():
    table = ablation_table([run_of("a", None), run_of("b", 0.4, against="a"), run_of("c", 0.5, against="b")])
    assert table["change"].tolist() == pytest.approx([np.nan, np.nan, 0.1], nan_ok=True)
    rows = {row[0]: row[1:] for row in groups(table)[0]["rows"]}
    assert rows["a"] == ["not run", "", "", "", "", "", "", "", "", "", ""]
    assert rows["b"][:3] == ["40.00", "", "a"]
    some = ablation_table(runs("a", 0.5, None, 0.7))
    assert some["miou"].tolist() == [0.6]
    assert some["seeds"].tolist() == ["1, 3"]


def test_the_note_names_rows_that_differ_in_more_than_one_parameter():
    lines = [run_of("a"), run_of("b", against="a", changed="loss")]
    assert "More than one" not in note(ablation_table(lines))
    lines += [run_of("c", against="a", changed="loss, model"), run_of("d", against="a", changed="x, y")]
    assert " More than one parameter differs in c (loss, model); d (x, y). " in note(ablation_table(lines))


# --- the picture


@pytest.fixture
def drawn(monkeypatch):
    """The figures that would be saved."""
    found = []
    monkeypatch.setattr(tradeoff, "save_figure", lambda figure, _: found.append(figure))
    return found


def test_the_picture_is_the_same_bytes_for_the_same_table(tmp_path):
    table = ablation_table([run_of("ce"), run_of("big", 0.6, gflops=80.0, gflops_ran=20.0)])
    for name in ("a.png", "b.png"):
        plot_tradeoff(table, pd.DataFrame([PUBLISHED]), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert cv2.imread(str(tmp_path / "a.png")).shape[0] > 400


def test_the_picture_takes_any_name_and_leaves_out_what_has_not_run(tmp_path, drawn):
    table = ablation_table([run_of("cam$1_$_0", group="$_$"), run_of("none", None)])
    published = pd.DataFrame([PUBLISHED | {"name": "日$^$", "source": "_{$x$}", "data": "$_$"}])
    plot_tradeoff(table, published, tmp_path)
    drawn[0].savefig(tmp_path / "a.png")
    assert "none" not in {text.get_text() for text in drawn[0].axes[0].texts}
    plot_tradeoff(table, published[:0], tmp_path)
    assert [axes.get_title() for axes in drawn[1].axes] == ["on generated scenes"] * 2
    assert [axes.get_xlabel().split(" (")[0] for axes in drawn[1].axes] == list(COSTS.values())


def test_figures_on_different_frames_stand_in_different_panels(tmp_path, drawn):
    table = ablation_table([run_of("ce"), run_of("real", 0.6, gflops=80.0, group="corrected", data="kitti")])
    plot_tradeoff(table, pd.DataFrame([PUBLISHED]), tmp_path)
    names = [(axes.get_title(), {text.get_text() for text in axes.texts}) for axes in drawn[0].axes]
    assert [title for title, _ in names] == ["on generated scenes"] * 2 + ["on KITTI frames"] * 2
    (_, scenes), (_, scenes_as_run), (_, kitti), (_, kitti_as_run) = names
    assert "ce" in scenes & scenes_as_run
    assert "real" in kitti & kitti_as_run
    assert "UNet" in kitti
    assert "UNet" not in scenes | scenes_as_run | kitti_as_run, "what it costs as run is not known"
    assert "on generated scenes and KITTI frames; crosses are figures that others published, on" in caption(table)


def test_names_of_close_points_are_inside_the_panel_and_not_printed_over_each_other(tmp_path, drawn):
    names = [f"a_long_name_of_variant_{k}" for k in range(5)]
    table = ablation_table([run_of(name, 0.5 + k / 200, gflops=10 + k / 10) for k, name in enumerate(names)])
    plot_tradeoff(table, pd.DataFrame(columns=list(PUBLISHED)), tmp_path)
    axes = drawn[0].axes[0]
    renderer = FigureCanvasAgg(drawn[0]).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in axes.texts if text.get_text() in names]
    assert len(boxes) == 5
    panel = axes.get_window_extent(renderer)
    assert all(panel.x0 < box.x0 and box.x1 < panel.x1 for box in boxes)
    assert not any(one.shrunk(0.9, 0.8).overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
