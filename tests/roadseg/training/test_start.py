"""Which weights were given to start from, and what is refused without them."""

import pytest
import torch
from torch import nn

from roadseg.pipeline.errors import UserError
from roadseg.training.start import check_given, given_tensors


def test_given_tensors_are_copies_of_those_named():
    network = nn.Linear(2, 1)
    given = given_tensors(network, {"weight", "of_another_network"})
    before = network.weight.detach().clone()
    network.weight.data.fill_(7)
    assert list(given) == ["weight"]
    assert given["weight"].equal(before)


def test_what_asks_for_a_start_is_refused_without_one():
    check_given({}, {"train.weight_interpolation": 0.0})
    check_given({"weight": torch.zeros(1)}, {"train.weight_interpolation": 0.5})
    message = (
        r"train\.weight_interpolation: 0\.5, but the training starts from random weights; set pretrained, or it to 0"
    )
    with pytest.raises(UserError, match=message):
        check_given({}, {"train.weight_interpolation": 0.5})
