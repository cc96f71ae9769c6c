"""Several trainings as one: their mean and its figures."""

import pytest
import torch

from roadseg.training.members import Member, chosen_row, mean_history, soup_of


def member(value, epoch, mious):
    losses = (4 * value, 2 * value)
    history = [
        {"epoch": i, "lr": 0.1 / i, "loss": loss, "val_loss": 3 * loss, "miou": miou, "iou": miou and [miou, 0.0]}
        for i, (loss, miou) in enumerate(zip(losses, mious, strict=True), 1)
    ]
    return Member(history, epoch, {"weight": torch.tensor([value])}, mious[epoch - 1], {})


TWO = [member(1.0, 1, (0.5, 0.4)), member(4.0, 2, (0.1, 0.2))]


def test_figures_of_several_are_means():
    assert soup_of(member.weights for member in TWO)["weight"].item() == 2.5
    assert mean_history([member.history for member in TWO]) == [
        {"epoch": 1, "lr": 0.1, "loss": 10, "val_loss": 30, "miou": pytest.approx(0.3), "iou": pytest.approx([0.3, 0])},
        {"epoch": 2, "lr": 0.05, "loss": 5, "val_loss": 15, "miou": pytest.approx(0.3), "iou": pytest.approx([0.3, 0])},
    ]
    assert chosen_row(TWO, 0.6) == {"epoch": 2, "loss": 6, "miou": 0.6, "members": [0.5, 0.2]}


def test_figures_of_one_are_its_own():
    assert mean_history([TWO[0].history]) == TWO[0].history
    assert chosen_row(TWO[:1], 0.5) == {"epoch": 1, "loss": 4, "miou": 0.5}


def test_without_watched_frames_there_is_no_miou():
    unwatched = [member(1.0, 2, (None, None))] * 2
    rows = mean_history([member.history for member in unwatched])
    assert [(row["miou"], row["iou"]) for row in rows] == [(None, None)] * 2
    assert chosen_row(unwatched, None)["members"] == [None, None]


def test_while_a_member_trains_an_epoch_is_the_mean_of_those_that_have_had_it():
    rows = mean_history([TWO[0].history, TWO[1].history[:1]])
    assert [row["loss"] for row in rows] == [10, 2]
    assert rows[1] == TWO[0].history[1]
