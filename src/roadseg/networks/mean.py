"""The mean of several networks' weights: of epochs, of trainings, of former runs."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.nn.functional import cosine_similarity

from roadseg.pipeline.errors import UserError


class Mean:
    """The mean of several networks' weights and buffers, summed in float64; integers are those of the last one."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._last: Mapping[str, Tensor] = {}
        self._count = 0

    def add(self, tensors: Mapping[str, Tensor]) -> None:
        """Add a network's tensors, of any shapes and dtypes."""
        self._count += 1
        self._last = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        for name, tensor in self._last.items():
            self._sums[name] = self._sums.get(name, 0) + tensor.double()

    def tensors(self) -> dict[str, Tensor]:
        return {
            name: (self._sums[name] / self._count).to(last.dtype) if last.is_floating_point() else last
            for name, last in self._last.items()
        }

    def state_dict(self) -> dict[str, Any]:
        return {"sums": self._sums, "last": dict(self._last), "count": self._count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sums, self._last, self._count = dict(state["sums"]), state["last"], state["count"]


def mean_of(networks: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of networks' tensors, which may have any shapes and dtypes.

    `networks` holds those of each by a name for the message. Raises UserError where they are of different networks, or
    where some weights have nothing in common: then they began at random, and their mean is no network of use.
    """
    mean, (first, *_) = Mean(), networks
    for name, tensors in networks.items():
        if _shapes(tensors) != _shapes(networks[first]):
            raise UserError(f"{first} and {name} are of different networks; take the mean of runs of one model")
        if strange := [key for key in tensors if _are_strangers(tensors[key], networks[first][key])]:
            raise UserError(
                f"{first} and {name} did not start from the same weights: {len(strange)} of {len(tensors)} tensors "
                f"have nothing in common, such as {strange[0]}; take runs whose pretrained weights have them all, or "
                "train.members, which share what starts at random"
            )
        mean.add(tensors)
    return mean.tensors()


def _are_strangers(one: Tensor, other: Tensor) -> bool:
    """Whether weights are no more alike than random ones.

    The cosine of two random tensors of 1000 numbers is below 0.1 in all but one of a thousand; trainings of this
    project's networks from one start, of different frames or seeds, had 0.4 and more.
    """
    if one.dim() < 2 or one.numel() < 1000:
        return False
    cosine = cosine_similarity(one.double().flatten(), other.double().flatten(), dim=0)
    return bool(cosine < 0.1) and bool(one.any()) and bool(other.any())


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
