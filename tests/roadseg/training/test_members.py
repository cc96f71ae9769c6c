"""Several trainings as one: their mean, its figures, and the starts that have no mean of use."""

import pytest
import torch
from torch import nn

from roadseg.errors import UserError
from roadseg.training.members import Member, check_body, chosen_row, mean_history, soup_of


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


def test_members_need_a_pretrained_encoder_or_all_of_a_network_without_one():
    network = nn.ModuleDict({"encoder": nn.BatchNorm2d(2), "head": nn.Conv2d(2, 3, 1)})
    network.encoder = network["encoder"]
    encoder = ["encoder.weight", "encoder.bias", "encoder.running_mean", "encoder.running_var"]
    check_body(network, encoder, members=2)
    check_body(network, [], members=1)
    with pytest.raises(UserError, match=r"train\.members: 2, but 1 tensors start at random, encoder\.bias for one"):
        check_body(network, [name for name in encoder if name != "encoder.bias"], members=2)
    with pytest.raises(UserError, match=r"train\.members: 3, but 1 tensors start at random, bias for one"):
        check_body(nn.Conv2d(2, 3, 1), ["weight"], members=3)
