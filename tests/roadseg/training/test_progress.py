"""What a training tells of an epoch: its line, with a clock that is set by hand, notes, and the files of its rows."""

import pandas as pd
import pytest

from roadseg.pipeline import paths
from roadseg.training.progress import Progress, figures_of, write_history

HISTORY = paths.TRAIN_HISTORY, paths.TRAIN_IOU


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def row(epoch, miou=0.25):
    validation = {"val_loss": 0.5, "miou": miou} if miou is not None else {"val_loss": None, "miou": None}
    return {"epoch": epoch, "lr": 0.001, "loss": 1.25} | validation


def test_seconds_and_the_time_left():
    clock = Clock()
    progress = Progress(4, None, clock)
    clock.now += 10
    figures = "lr 1.00e-03  loss 1.2500  val loss 0.5000  mIoU 0.2500"
    assert progress.line_of(row(1)) == f"epoch   1  {figures}  10.0 s, 0:00:30 left"
    clock.now += 20
    assert progress.line_of(row(2)) == f"epoch   2  {figures}  20.0 s, 0:00:30 left"
    progress.line_of(row(3))
    assert progress.line_of(row(4)) == f"epoch   4  {figures}  0.0 s"


def test_a_training_that_goes_on_counts_its_own_epochs_alone():
    clock = Clock()
    progress = Progress(100, None, clock)
    clock.now += 6
    line = progress.line_of(row(90))
    assert line.endswith("  6.0 s, 0:01:00 left")


def test_figures_without_a_validation_set_or_a_step():
    assert figures_of(row(3, None)) == "epoch   3  lr 1.00e-03  loss 1.2500"
    assert figures_of({"epoch": 0, "lr": 0.0, "loss": None, "val_loss": 0.5, "miou": 0.25}) == (
        "epoch   0  the weights as they are  val loss 0.5000  mIoU 0.2500"
    )


CHANCE = 0.02


def notes_of(losses, mious, chance=CHANCE, epochs=None):
    """What is told after each of the epochs."""
    rows = [
        {"epoch": i, "lr": 0.1, "loss": loss, "val_loss": 0.5, "miou": miou, "iou": [miou] * 19}
        for i, (loss, miou) in enumerate(zip(losses, mious, strict=True), 1)
    ]
    progress = Progress(epochs or len(rows), chance)
    return [progress.lines_of(rows[:end])[1:] for end in range(1, len(rows) + 1)]


def test_a_training_that_learns_has_none():
    assert notes_of([1.0, 0.5, 0.99, 0.4], [0.01, 0.1, 0.01, 0.2], epochs=8) == [[]] * 4


def test_a_loss_that_doubles_is_told_once():
    notes = notes_of([1.0, 0.4, 0.7, 0.9, 1.5], [0.3] * 5)
    assert [len(lines) for lines in notes] == [0, 0, 0, 1, 0]
    assert notes[3][0].startswith("note: the loss has more than doubled, from 0.4000 in epoch 2 to 0.9000; ")


@pytest.mark.parametrize(("epochs", "after"), [(4, 2), (8, 2), (16, 4), (17, 5)])
def test_a_quarter_at_chance_is_told_once(epochs, after):
    notes = notes_of([1.0] * epochs, [CHANCE] * epochs)
    assert [number for number, lines in enumerate(notes, 1) if lines] == [after]
    assert notes[after - 1][0].startswith(f"note: for {after} epochs the mIoU has been about 0.0200 or less, ")


def test_random_weights_are_at_chance_and_one_class_learnt_is_not():
    # the default network on generated scenes at a rate of 1e-7: 0.0132 to 0.0153, where one class everywhere has 0.0118
    assert [len(lines) for lines in notes_of([2.1] * 4, [0.0132, 0.0153, 0.0151, 0.0144], 0.0118)] == [0, 1, 0, 0]
    assert notes_of([2.1] * 4, [0.0118 + 0.2 / 19] * 4, 0.0118) == [[]] * 4


def test_a_miou_that_falls_back_to_chance_is_notes_of():
    notes = notes_of([1.0] * 8, [0.1, CHANCE, 0.1, 0.0, 0.0, 0.0, 0.1, 0.1])
    assert [number for number, lines in enumerate(notes, 1) if lines] == [5]


def test_without_a_validation_set_or_epochs_there_is_no_chance():
    assert notes_of([1.0] * 8, [None] * 8, None) == [[]] * 8
    untrained = {"epoch": 0, "lr": 0.0, "loss": None, "val_loss": 0.5, "miou": 0.0, "iou": [0.0] * 19}
    assert len(Progress(0, CHANCE).lines_of([untrained])) == 1


def history_row(epoch, iou):
    miou = sum(iou) / len(iou) if iou else None
    return {"epoch": epoch, "lr": 0.1, "loss": 0.5, "val_loss": 0.75, "miou": miou, "iou": iou}


def test_rows_and_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_history([history_row(1, [0.5, 0.25])], ("road", "nan, or none"), *HISTORY)
    assert paths.TRAIN_HISTORY.read_text() == "epoch,lr,loss,val_loss,miou\n1,0.1,0.5,0.75,0.375\n"
    write_history([history_row(1, [0.5, 0.25]), history_row(2, [1.0, 0.0])], ("road", "nan, or none"), *HISTORY)
    by_class = pd.read_csv(paths.TRAIN_IOU, keep_default_na=False)
    assert by_class["epoch"].tolist() == [1, 1, 2, 2]
    assert by_class["class"].tolist() == ["road", "nan, or none"] * 2
    assert by_class["iou"].tolist() == [0.5, 0.25, 1.0, 0.0]
    assert sorted(path.name for path in paths.TRAIN_IOU.parent.iterdir()) == ["train_history.csv", "train_iou.csv"]


def test_without_a_validation_set_no_class_has_a_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_history([history_row(1, None)], ("road", "sky"), *HISTORY)
    assert paths.TRAIN_IOU.read_text() == "epoch,class,iou\n"
    assert paths.TRAIN_HISTORY.read_text() == "epoch,lr,loss,val_loss,miou\n1,0.1,0.5,0.75,\n"
