"""Averages of a network's weights: over the steps of a training, over its epochs, and with the start weights."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MovingAverage:
    """An exponential moving average (EMA) of all weights and float buffers; integers are those of the last step.

    The decay is min(decay, (1 + step) / (10 + step)) with steps counted from 0, so that the random or pretrained start
    is soon forgotten (num_updates of TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.steps, self.tensors = decay, 0, copy_of(network)

    def update(self, network: nn.Module) -> None:
        current = network.state_dict()
        floats = [name for name, tensor in current.items() if tensor.is_floating_point()]
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        get_ema_multi_avg_fn(decay)([self.tensors[name] for name in floats], [current[name] for name in floats], 0)
        self.tensors |= {name: current[name].clone() for name in current.keys() - floats}
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "tensors": self.tensors}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned, its tensors on any device."""
        self.steps = state["steps"]
        self.tensors = {name: state["tensors"][name].to(own.device) for name, own in self.tensors.items()}


class AveragedWeights:
    """The weights that are validated and saved: the network's own or their EMA, interpolated with the start weights."""

    def __init__(self, network: nn.Module, decay: float = 0.0, start: Collection[str] = (), share: float = 0.0) -> None:
        """`decay` 0 takes no EMA. `share` is that of the start weights, which are those that `start` names, as now."""
        self.network, self.share = network, share
        self.start = {name: tensor for name, tensor in copy_of(network).items() if name in start}
        self.ema = MovingAverage(network, decay) if decay else None

    def after_step(self) -> None:
        if self.ema:
            self.ema.update(self.network)

    @contextmanager
    def in_network(self) -> Iterator[None]:
        """Put these weights into the network; at the end of the `with` block it has its own again."""
        if self.ema is None and not self.share:
            yield
            return
        trained = self.ema.tensors if self.ema else copy_of(self.network)
        with weights_replaced(self.network, interpolated(trained, self.start, self.share)):
            yield


def copy_of(network: nn.Module) -> dict[str, Tensor]:
    """Return copies of a network's weights and buffers, on the same device."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def interpolated(trained: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return (1 - share) * trained + share * start for the floats that `start` holds, of any shapes and dtypes.

    Weights between those before and after fine-tuning keep more of what the first knew (WiSE-FT, Wortsman et al.,
    CVPR 2022). What `start` lacks, and integers, are the trained ones.
    """
    return {
        name: tensor.lerp(start[name], share) if name in start and tensor.is_floating_point() else tensor
        for name, tensor in trained.items()
    }


@contextmanager
def weights_replaced(network: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Put other weights, of any shapes and dtypes that the network has, into it; after `with` it has its own again."""
    own = copy_of(network)
    network.load_state_dict(tensors)
    try:
        yield
    finally:
        network.load_state_dict(own)


class MeanWeights:
    """The mean of a network's weights and buffers in several epochs, in float64; integers are those of the last one."""

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


@dataclass
class BestWeights:
    """The weights of the epoch of highest mIoU (the first of equals), or of the last epoch where none is given."""

    epoch: int = 0
    miou: float | None = None
    weights: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, epoch: int, miou: float | None, network: nn.Module) -> None:
        """Copy the network's weights if its mIoU is higher than the best so far, or None."""
        if miou is None or self.miou is None or miou > self.miou:
            self.epoch, self.miou = epoch, miou
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def is_early(epoch: int, epochs: int) -> bool:
    """Whether an epoch is in the second quarter of a training, or else the first of at most three.

    A network learns first what most labels agree on, and only later the wrong ones by heart (Arpit et al., ICML 2017;
    Liu et al., NeurIPS 2020): the mean of its weights in these epochs tells which labels may be wrong.

    Example:
        >>> [epoch for epoch in range(1, 17) if is_early(epoch, 16)]
        [4, 5, 6, 7, 8]
    """
    return epochs / 4 <= epoch <= max(epochs / 2, 1)
