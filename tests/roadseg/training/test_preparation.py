"""A network is suited to its training without any change of what it computes."""

import pytest
import torch
from torch import nn

from roadseg.training.preparation import leave_inputs


def is_of_a_layer(tensors):
    """Whether one of them is what a linear layer gave, and not a copy of it."""
    return any(tensor.grad_fn and tensor.grad_fn.name().startswith("Addmm") for tensor in tensors)


@pytest.mark.parametrize("activation", [nn.Hardswish, nn.SiLU, nn.Mish])
def test_inputs_that_the_gradient_needs_are_left_and_nothing_else_changes(activation):
    def network():
        layers = nn.Linear(3, 4), activation(inplace=True), nn.Linear(4, 4), nn.ReLU(inplace=True)
        return nn.Sequential(*layers)

    def gradients(model):
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda kept: kept):
            model(torch.linspace(-4, 4, 15).view(5, 3)).square().sum().backward()
        return [parameter.grad for parameter in model.parameters()], kept

    before, after = network(), network()
    after.load_state_dict(before.state_dict())
    leave_inputs(after)
    assert [module.inplace for module in after if hasattr(module, "inplace")] == [False, True]
    (expected, copied), (found, kept) = gradients(before), gradients(after)
    assert all(map(torch.equal, found, expected))
    assert [is_of_a_layer(tensors) for tensors in (copied, kept)] == [False, True]
