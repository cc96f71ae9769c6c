"""Curves for TensorBoard: what is written is read back where the package is there, and missed in one line where not."""

import importlib.util
from pathlib import Path

import pytest

from roadseg.pipeline.board import Board, board_folder, check_board, scalars_of
from roadseg.pipeline.errors import UserError


def row(epoch):
    return {"epoch": epoch, "lr": 0.5, "loss": 1 / epoch, "val_loss": 2 / epoch, "miou": 0.25, "iou": [0.5, 0.0]}


def test_a_missing_package_is_reported(monkeypatch):
    monkeypatch.setattr("roadseg.pipeline.board.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"tensorboard is not installed; run `pip install -r requirements-tensorboard"):
        check_board()


def test_the_folder_is_the_experiments_in_the_project(monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "first")
    monkeypatch.setenv("DVC_ROOT", "project")
    assert board_folder() == Path("project/runs/first")
    monkeypatch.delenv("DVC_EXP_NAME")
    monkeypatch.delenv("DVC_ROOT")
    assert board_folder().parent == Path("runs")


def test_scalars_are_what_the_row_has():
    figures = {"loss/training": 0.5, "loss/watched": 1.0, "miou": 0.25, "lr": 0.5, "iou/road": 0.5, "iou/sky": 0.0}
    assert scalars_of(row(2), ("road", "sky")) == figures
    nothing = {"epoch": 0, "lr": 0.0, "loss": None, "val_loss": None, "miou": None, "iou": None}
    assert scalars_of(nothing, ("road", "sky")) == {"lr": 0.0}


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_a_training_that_goes_on_has_all_its_epochs_once(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    check_board()
    board = Board(tmp_path, ("road", "sky"))
    board.show([row(1), row(2)], 0)
    board.show([row(1), row(2), row(3)], 0)
    board.show([row(1)], 1)
    events = EventAccumulator(str(tmp_path / "member-1")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss/watched")] == [
        (1, 2.0),
        (2, 1.0),
        (3, pytest.approx(2 / 3)),
    ]
    assert len(EventAccumulator(str(tmp_path / "member-2")).Reload().Scalars("iou/road")) == 1
