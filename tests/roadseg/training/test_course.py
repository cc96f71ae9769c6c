"""Which weights a course of epochs keeps: of the best, or of the last."""

import pytest
import torch
from lightning_fabric.plugins.precision import Precision
from torch import nn

from roadseg.pipeline.sections import Constant
from roadseg.training.averaging import Kept
from roadseg.training.course import is_early, run_epochs
from roadseg.training.freezing import Frozen
from roadseg.training.schedules import build_schedule
from roadseg.training.state import TrainingState
from roadseg.training.watching import Watched

MIOUS = [0.1, 0.4, 0.2, 0.3]


def course(choose, watched=True, decay=0.0, epochs=4):
    """Four epochs, after which a weight is 1, 4, 9 and 16, with MIOUS; the mIoU of any other weight is the weight."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    mious = dict(zip((1.0, 4.0, 9.0, 16.0), MIOUS, strict=True))
    kept, optimizer = Kept(network, decay), torch.optim.SGD(network.parameters(), 0.5)

    def train(batches, still, sums):
        (epoch,) = batches
        assert still == []
        sums.lr = schedule.lr
        optimizer.step()
        network.weight.data.fill_(epoch**2)
        kept.after_step()
        return 10.0 * epoch

    def score():
        miou = mious.get(network.weight.item(), network.weight.item())
        return Watched(10 * miou, miou, [miou, 0.0])

    shown = []
    schedule = build_schedule(Constant(), optimizer, 4, 1)
    frozen = Frozen(network, "train", "none")
    score_or_none = score if watched else None
    state = TrainingState(network, optimizer, Precision(), schedule, kept)
    member = run_epochs(
        network,
        epochs,
        lambda epoch, _: [epoch],
        train,
        frozen,
        score_or_none,
        state,
        choose,
        lambda history: shown.append(list(history)),
    )
    assert shown == [member.history[:end] for end in range(1, max(epochs, 1) + 1)]
    assert network.weight.item() == epochs**2
    return member


@pytest.mark.parametrize(
    ("choose", "epoch", "weight", "miou"),
    [(True, 2, 4, 0.4), (False, 4, 16, 0.3)],
)
def test_what_is_kept(choose, epoch, weight, miou):
    member = course(choose)
    assert member.epoch == epoch
    assert member.weights["weight"].item() == pytest.approx(weight)
    assert member.miou == pytest.approx(miou)
    assert [row["miou"] for row in member.history] == MIOUS
    assert member.history[1] == {"epoch": 2, "lr": 0.5, "loss": 20.0, "val_loss": 4, "miou": 0.4, "iou": [0.4, 0]}


@pytest.mark.parametrize("watched", [True, False])
def test_no_epoch_leaves_the_weights(watched):
    member = course(watched, watched, decay=0.5, epochs=0)
    assert member.weights["weight"].item() == 0
    seen = (0.0, 0.0, [0.0, 0.0]) if watched else (None, None, None)
    row = {"epoch": 0, "lr": 0.0, "loss": None} | dict(zip(("val_loss", "miou", "iou"), seen, strict=True))
    assert member.history == [row]
    assert (member.epoch, member.miou) == (0, member.history[0]["miou"])


def test_without_watched_frames():
    member = course(False, watched=False)
    assert member.miou is None
    assert member.history[3]["miou"] is None
    assert member.weights["weight"].item() == 16


def test_the_early_weights_are_those_of_the_second_quarter():
    """Of epochs 1 and 2 of four."""
    assert course(False).early["weight"].item() == (1 + 4) / 2
    assert course(True).early["weight"].item() == (1 + 4) / 2
    assert course(False, epochs=0).early["weight"].item() == 0


@pytest.mark.parametrize(("epochs", "first", "last"), [(1, 1, 1), (2, 1, 1), (3, 1, 1), (5, 2, 2), (24, 6, 12)])
def test_which_epochs_are_early(epochs, first, last):
    early = [epoch for epoch in range(1, epochs + 1) if is_early(epoch, epochs)]
    assert early == list(range(first, last + 1))


def test_the_moving_average_is_what_is_watched_and_kept():
    member = course(False, decay=0.1)
    expected = 0.0
    for value in (1, 4, 9, 16):
        expected = 0.1 * expected + 0.9 * value
    assert member.weights["weight"].item() == pytest.approx(expected)
    assert member.miou == pytest.approx(expected)
