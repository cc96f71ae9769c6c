"""Which weights were given to start from, and what is refused without them."""

import pytest
import torch
from torch import nn

from roadseg.pipeline.errors import UserError
from roadseg.training.start import check_given, check_pretrained, given_tensors


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
        check_given({}, {"train.l2_sp": 0.0, "train.weight_interpolation": 0.5})


def test_members_need_a_pretrained_encoder_or_all_of_a_network_without_one():
    network = nn.ModuleDict({"encoder": nn.BatchNorm2d(2), "head": nn.Conv2d(2, 3, 1)})
    encoder = ["encoder.weight", "encoder.bias", "encoder.running_mean", "encoder.running_var"]
    check_pretrained(network, encoder, members=2, keep_logits=0)
    check_pretrained(network, [], members=1, keep_logits=0)
    message = r"train\.members: 2, but 1 of 5 tensors of the encoder start at random, such as encoder\.bias; set pret"
    with pytest.raises(UserError, match=message):
        check_pretrained(network, [name for name in encoder if name != "encoder.bias"], members=2, keep_logits=0)
    with pytest.raises(UserError, match=r"train\.members: 3, but 1 of 2 tensors of the network start at random"):
        check_pretrained(nn.Conv2d(2, 3, 1), ["weight"], members=3, keep_logits=0)


def test_kept_logits_need_all_of_the_network():
    network = nn.ModuleDict({"encoder": nn.Conv2d(3, 2, 1), "head": nn.Conv2d(2, 3, 1)})
    check_pretrained(network, network.state_dict(), members=1, keep_logits=0.5)
    message = r"train\.keep_logits: 0\.5, but 2 of 4 tensors of the network start at random, such as head\.weight"
    with pytest.raises(UserError, match=message):
        check_pretrained(network, ["encoder.weight", "encoder.bias"], members=1, keep_logits=0.5)
