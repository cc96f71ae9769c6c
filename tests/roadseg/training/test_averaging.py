"""Averages of weights against values worked out by hand."""

import pytest
import torch
from torch import nn

from roadseg.training.averaging import Kept, MovingAverage, copy_of, holding, towards


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


def test_what_is_kept_is_in_the_network_for_a_while():
    network = Scalar(0.0)
    kept = Kept(network, decay=0.999)
    network.set(1.0, 1)
    kept.after_step()
    with kept.in_network():
        assert network.weight.item() == pytest.approx(0.9)
        assert network.count.item() == 1
    assert network.weight.item() == 1


def test_without_an_average_the_networks_own_weights_are_kept():
    network = Scalar(2.0)
    kept = Kept(network)
    kept.after_step()
    with kept.in_network():
        assert network.weight.item() == 2


@pytest.mark.parametrize(("share", "expected"), [(0.0, 5.0), (0.25, 4.0), (1.0, 1.0)])
def test_a_share_of_the_start_is_kept(share, expected):
    start, network = copy_of(Scalar(1.0)), Scalar(5.0)
    network.count.fill_(8)
    mixed = towards(copy_of(network), start, share)
    assert mixed["weight"].item() == expected
    assert mixed["mean"].item() == 10 * expected
    assert mixed["count"].item() == 8
    del start["mean"]
    assert towards(copy_of(network), start, share)["mean"].item() == 50


def test_a_share_of_one_is_exactly_the_start():
    trained, start = ({"x": torch.randn(100, generator=torch.Generator().manual_seed(i))} for i in range(2))
    assert towards(trained, start, 1.0)["x"].equal(start["x"])


def test_the_share_is_of_the_moving_average_where_there_is_one():
    network = Scalar(0.0)
    kept = Kept(network, decay=0.999, start=copy_of(network), share=0.5)
    network.set(1.0, 1)
    kept.after_step()
    with kept.in_network():
        assert network.weight.item() == pytest.approx(0.45)
    assert network.weight.item() == 1


def test_a_network_has_its_own_weights_again():
    network = Scalar(2.0)
    with holding(network, copy_of(Scalar(5.0))):
        assert network.mean.item() == 50
    assert network.mean.item() == 20
