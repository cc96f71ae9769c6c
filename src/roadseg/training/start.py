"""The weights that a training starts from: which of them were given, and what asks for them."""

from collections.abc import Collection, Iterable, Mapping

from torch import Tensor, nn

from roadseg.pipeline.errors import UserError
from roadseg.training.averaging import copy_of


def given_tensors(network: nn.Module, names: Collection[str]) -> dict[str, Tensor]:
    """Return copies of the tensors of those names, as a network that has just been prepared holds them."""
    return {name: tensor for name, tensor in copy_of(network).items() if name in names}


def random_tensors(names: Iterable[str], given: Collection[str]) -> list[str]:
    """Return those of a network's tensors, by name, that start at random: the ones not `given`, counters left out."""
    return [name for name in names if name not in given and not name.endswith("num_batches_tracked")]


def check_given(given: Mapping[str, Tensor], asking: Mapping[str, float]) -> None:
    """Raise UserError where a parameter that is not 0 asks for starting weights, and none are `given`.

    `given` are tensors of any shape and dtype, `asking` holds the parameters' values under their keys.
    """
    keys = [key for key, value in asking.items() if value]
    if keys and not given:
        raise UserError(
            f"{keys[0]}: {asking[keys[0]]}, but the training starts from random weights; set pretrained, or it to 0"
        )


def check_untrained(network: nn.Module, given: Collection[str]) -> None:
    """Raise UserError where a network that is not trained has tensors beside the `given` ones."""
    names = list(network.state_dict())
    if lacking := random_tensors(names, given):
        raise UserError(
            f"train.epochs: 0, but {len(lacking)} of {len(names)} tensors of the network start at random, such as "
            f"{lacking[0]}; set pretrained to weights that have them, or set another value"
        )
