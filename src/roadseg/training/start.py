"""The weights that a training starts from: which of them were given, and what asks for them."""

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from roadseg.errors import UserError
from roadseg.training.averaging import copy_of


def given_tensors(network: nn.Module, names: Collection[str]) -> dict[str, Tensor]:
    """Return copies of the tensors of those names, as a network that has just been prepared holds them."""
    return {name: tensor for name, tensor in copy_of(network).items() if name in names}


def check_given(given: Mapping[str, Tensor], asking: Mapping[str, float]) -> None:
    """Raise UserError where a parameter that is not 0 asks for starting weights, and none are `given`.

    `given` are tensors of any shape and dtype, `asking` holds the parameters' values under their keys.
    """
    keys = [key for key, value in asking.items() if value]
    if keys and not given:
        raise UserError(
            f"{keys[0]}: {asking[keys[0]]}, but the training starts from random weights; set pretrained, or it to 0"
        )
