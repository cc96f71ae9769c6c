"""Averages of weights against values worked out by hand."""

import pytest
import torch
from torch import nn

from roadseg.training.averaging import (
    AveragedWeights,
    BestWeights,
    MeanWeights,
    MovingAverage,
    copy_of,
    interpolated,
    is_early,
)


class Scalar(nn.Module):
    """One weight, one float buffer and one count."""

    def __init__(self, value=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([value]))
        self.register_buffer("mean", torch.tensor([10 * value]))
        self.register_buffer("count", torch.tensor(0))

    def set(self, value, count):
        self.weight.data.fill_(value)
        self.mean.fill_(10 * value)
        self.count.fill_(count)


def test_a_moving_average_after_three_steps():
    network = Scalar(0.0)
    average = MovingAverage(network, decay=0.15)
    for step, value in enumerate((1.0, 2.0, 3.0), 1):
        network.set(value, step)
        average.update(network)
    # decays: 1/10, then 2/11 and 3/12 are more than 0.15
    first = 0.1 * 0 + 0.9 * 1
    second = 0.15 * first + 0.85 * 2
    third = 0.15 * second + 0.85 * 3
    assert average.tensors["weight"].item() == pytest.approx(third)
    assert average.tensors["mean"].item() == pytest.approx(10 * third)
    assert average.tensors["count"].item() == 3
    assert network.weight.item() == 3


def test_the_first_steps_have_less_decay():
    network = Scalar(0.0)
    average = MovingAverage(network, decay=0.999)
    expected = 0.0
    for decay, value in ((1 / 10, 1.0), (2 / 11, 2.0), (3 / 12, 4.0)):
        network.set(value, 1)
        average.update(network)
        expected = decay * expected + (1 - decay) * value
    assert average.tensors["weight"].item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("decay", "share", "expected"), [(0.0, 0.0, 1.0), (0.999, 0.0, 0.9), (0.0, 0.25, 0.75), (0.999, 0.5, 0.45)]
)
def test_the_averaged_weights_are_in_the_network_for_a_while(decay, share, expected):
    """The EMA after one step from 0 to 1 is 0.9, and a share of the start is one of 0."""
    network = Scalar(0.0)
    averaged = AveragedWeights(network, decay, network.state_dict(), share)
    network.set(1.0, 1)
    averaged.after_step()
    with averaged.in_network():
        assert network.weight.item() == pytest.approx(expected)
        assert network.count.item() == 1
    assert network.weight.item() == 1


@pytest.mark.parametrize(("share", "expected"), [(0.0, 5.0), (0.25, 4.0), (1.0, 1.0)])
def test_weights_between_the_start_and_the_trained_ones(share, expected):
    start, network = copy_of(Scalar(1.0)), Scalar(5.0)
    network.count.fill_(8)
    mixed = interpolated(copy_of(network), start, share)
    assert mixed["weight"].item() == expected
    assert mixed["mean"].item() == 10 * expected
    assert mixed["count"].item() == 8
    del start["mean"]
    assert interpolated(copy_of(network), start, share)["mean"].item() == 50


def test_a_share_of_one_is_exactly_the_start():
    trained, start = ({"x": torch.randn(100, generator=torch.Generator().manual_seed(i))} for i in range(2))
    assert interpolated(trained, start, 1.0)["x"].equal(start["x"])


def tensors(value, count):
    return {"weight": torch.tensor([value]), "count": torch.tensor(count)}


def test_a_mean_is_of_floats_and_the_last_integers():
    mean, network = MeanWeights(), tensors(0.0, 0)
    for value, count in ((1.0, 1), (2.0, 2), (6.0, 3)):
        network["weight"].fill_(value)
        network["count"].fill_(count)
        mean.add(network)
    network["weight"].fill_(99)
    assert {name: tensor.item() for name, tensor in mean.tensors().items()} == {"weight": 3, "count": 3}
    assert mean.tensors()["weight"].dtype == torch.float32


def test_the_mean_of_one_is_itself():
    mean, tensors = MeanWeights(), {"x": torch.randn(100)}
    mean.add(tensors)
    assert mean.tensors()["x"].equal(tensors["x"])


@pytest.mark.parametrize(
    ("mious", "chosen"), [((0.1, 0.3, 0.3, 0.2), 2), ((None, None, None, None), 4), ((0.0,) * 4, 1)]
)
def test_best_keeps_a_copy_of_the_first_highest_or_of_the_last(mious, chosen):
    best, network = BestWeights(), Scalar()
    for epoch, miou in enumerate(mious, 1):
        network.set(epoch, epoch)
        best.offer(epoch, miou, network)
    network.set(99, 99)
    assert best.epoch == chosen
    assert best.weights["weight"].item() == chosen


@pytest.mark.parametrize(("epochs", "first", "last"), [(1, 1, 1), (2, 1, 1), (3, 1, 1), (5, 2, 2), (24, 6, 12)])
def test_which_epochs_are_early(epochs, first, last):
    early = [epoch for epoch in range(1, epochs + 1) if is_early(epoch, epochs)]
    assert early == list(range(first, last + 1))
