"""The report's pictures: what they show whole, and what they leave out."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from roadseg.frames.classes import ClassSet
from roadseg.report import figures


@pytest.fixture
def drawn(monkeypatch):
    """The figures that would be saved."""
    found = []
    monkeypatch.setattr(figures, "save_figure", lambda figure, _: found.append(figure))
    return found


def history(**columns):
    rows = {"epoch": [1, 2, 3], "loss": [2.0, 0.5, 0.4], "lr": [0.1, 0.2, 0.1], "miou": [0.1, 0.4, 0.3]}
    return pd.DataFrame(rows | columns)


def test_both_losses_are_within_the_axes_from_zero_on(drawn, tmp_path):
    figures.plot_curves(history(val_loss=[0.9, 0.6, 0.5]), 2, "validation set", tmp_path / "curves.png")
    loss = drawn[0].axes[0]
    assert len(loss.lines) == 2
    assert loss.get_ylim()[0] == 0
    assert loss.get_ylim()[1] > 2.0
    assert [axes.get_title() for axes in drawn[0].axes] == ["loss", "learning rate", "mIoU, validation set"]


def test_one_epochs_points_lie_inside_the_panels_and_not_under_the_legend(drawn, tmp_path):
    rows = pd.DataFrame({"epoch": [1], "lr": [0.1], "loss": [2.0], "val_loss": [1.8], "miou": [0.3]})
    figures.plot_curves(rows, 1, "validation set", tmp_path / "a.png")
    loss, _, miou = drawn[0].axes
    assert loss.get_ylim()[1] > 1.05 * 2.0
    assert miou.get_ylim()[1] > 1.05 * 0.3
    FigureCanvasAgg(drawn[0]).draw()
    box = loss.get_legend().get_window_extent()
    assert not any(box.contains(*loss.transData.transform((1, value))) for value in (2.0, 1.8))


def test_without_a_validation_set_no_miou_is_drawn(drawn, tmp_path):
    without = {"val_loss": [np.nan] * 3, "miou": [np.nan] * 3}
    figures.plot_curves(history(**without), 3, "validation set", tmp_path / "curves.png")
    assert [axes.get_title() for axes in drawn[0].axes] == ["training loss", "learning rate"]


@pytest.mark.parametrize(("longest", "columns"), [(13, 7), (40, 2), (64, 1)])
def test_names_of_the_palette_have_room(longest, columns, drawn, tmp_path):
    colors = [(k, k, k) for k in range(9)]
    names = tuple(chr(97 + k) * longest for k in range(9))
    figures.plot_palette(tmp_path / "palette.png", ClassSet(names, tuple(colors)))
    axes = drawn[0].axes[0]
    assert len({text.get_position()[0] for text in axes.texts}) == columns
    renderer = FigureCanvasAgg(drawn[0]).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
