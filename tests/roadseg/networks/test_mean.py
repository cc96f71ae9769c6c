"""The mean of several networks' weights against values worked out by hand."""

import pytest
import torch

from roadseg.networks.mean import Mean, mean_of
from roadseg.pipeline.errors import UserError


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


def test_networks_of_one_kind_have_a_mean():
    mean = mean_of({"a": tensors(1.0, 5), "b": tensors(4.0, 6)})
    assert {name: tensor.item() for name, tensor in mean.items()} == {"weight": 2.5, "count": 6}


def test_networks_that_began_at_random_have_no_mean():
    """A start that both share leaves them alike; two random ones are as far apart as chance has it."""
    torch.manual_seed(0)
    start, other = torch.randn(40, 40), torch.randn(40, 40)
    one = {"encoder": start + 0.5 * torch.randn(40, 40), "head": start.clone(), "bias": torch.ones(2000)}
    near = {"encoder": start + 0.5 * torch.randn(40, 40), "head": start.clone(), "bias": -torch.ones(2000)}
    assert mean_of({"a": one, "b": near})["head"].equal(start)
    message = r"^a and b did not start from the same weights: 1 of 3 tensors have nothing in common, such as head; "
    with pytest.raises(UserError, match=message):
        mean_of({"a": one, "b": near | {"head": other}})
    zero = torch.zeros(40, 40)
    assert mean_of({"a": {"x": zero}, "b": {"x": zero}})["x"].equal(zero), "such tensors say nothing of a start"


@pytest.mark.parametrize("other", [{"weight": torch.ones(1)}, tensors(1.0, 1) | {"weight": torch.ones(1, 1)}])
def test_networks_of_different_kinds_have_none(other):
    with pytest.raises(UserError, match=r"^a and c are of different networks; take the mean of runs of one model$"):
        mean_of({"a": tensors(1.0, 5), "b": tensors(4.0, 6), "c": other})
