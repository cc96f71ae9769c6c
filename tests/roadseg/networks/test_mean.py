"""The mean of several networks' weights against values worked out by hand."""

import torch

from roadseg.networks.mean import Mean


def tensors(value, count):
    return {"weight": torch.tensor([value]), "count": torch.tensor(count)}


def test_a_mean_is_of_floats_and_the_last_integers():
    mean, network = Mean(), tensors(0.0, 0)
    for value, count in ((1.0, 1), (2.0, 2), (6.0, 3)):
        network["weight"].fill_(value)
        network["count"].fill_(count)
        mean.add(network)
    network["weight"].fill_(99)
    assert {name: tensor.item() for name, tensor in mean.tensors().items()} == {"weight": 3, "count": 3}
    assert mean.tensors()["weight"].dtype == torch.float32


def test_the_mean_of_one_is_itself():
    mean, tensors = Mean(), {"x": torch.randn(100)}
    mean.add(tensors)
    assert mean.tensors()["x"].equal(tensors["x"])
