"""Several trainings as one: their mean and its figures."""

import pytest
import torch

from roadseg.training.members import Member, chosen_row, mean_history, soup_of


def member(value, epoch, mious):
    losses = (4 * value, 2 * value)
    history = [
        {"epoch": i, "lr": 0.1 / i, "loss": loss, "miou": miou}
        for i, (loss, miou) in enumerate(zip(losses, mious, strict=True), 1)
    ]
    return Member(history, epoch, {"weight": torch.tensor([value])}, mious[epoch - 1])


TWO = [member(1.0, 1, (0.5, 0.4)), member(4.0, 2, (0.1, 0.2))]


def test_figures_of_several_are_means():
    assert soup_of(TWO)["weight"].item() == 2.5
    assert mean_history(TWO) == [
        {"epoch": 1, "lr": 0.1, "loss": 10, "miou": pytest.approx(0.3)},
        {"epoch": 2, "lr": 0.05, "loss": 5, "miou": pytest.approx(0.3)},
    ]
    assert chosen_row(TWO, 0.6) == {"epoch": 2, "loss": 6, "miou": 0.6, "members": [0.5, 0.2]}


def test_figures_of_one_are_its_own():
    assert mean_history(TWO[:1]) == TWO[0].history
    assert chosen_row(TWO[:1], 0.5) == {"epoch": 1, "loss": 4, "miou": 0.5}


def test_without_watched_frames_there_is_no_miou():
    unwatched = [member(1.0, 2, (None, None))] * 2
    assert [row["miou"] for row in mean_history(unwatched)] == [None, None]
    assert chosen_row(unwatched, None)["members"] == [None, None]
