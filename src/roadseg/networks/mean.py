"""The mean of several networks' weights: of epochs, of trainings."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


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
