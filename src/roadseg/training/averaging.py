"""Averages of a network's weights: over the steps of a training, with those of the start."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class MovingAverage:
    """An exponential moving average of all weights and float buffers; integers are those of the last step.

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


class Kept:
    """The weights of a network that are watched and kept.

    They are its own, or their moving average where `decay` is not 0, and a `share` of them is that of the start.
    """

    def __init__(
        self, network: nn.Module, decay: float = 0.0, start: Mapping[str, Tensor] | None = None, share: float = 0.0
    ) -> None:
        """`start` holds any of the network's tensors, of any shapes and dtypes."""
        self.network, self.start, self.share = network, start or {}, share
        self.average = MovingAverage(network, decay) if decay else None

    def after_step(self) -> None:
        if self.average:
            self.average.update(self.network)

    @contextmanager
    def in_network(self) -> Iterator[None]:
        """Let the network hold these weights for a while."""
        if self.average is None and not self.share:
            yield
            return
        trained = self.average.tensors if self.average else copy_of(self.network)
        with holding(self.network, towards(trained, self.start, self.share)):
            yield


def copy_of(network: nn.Module) -> dict[str, Tensor]:
    """Return copies of a network's weights and buffers, where these are."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def towards(trained: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return (1 - share) * trained + share * start for the floats that `start` holds, of any shapes and dtypes.

    Weights between those before and after fine-tuning keep more of what the first knew (WiSE-FT, Wortsman et al.,
    CVPR 2022). What `start` lacks, and integers, are the trained ones.
    """
    return {
        name: tensor.lerp(start[name], share) if name in start and tensor.is_floating_point() else tensor
        for name, tensor in trained.items()
    }


@contextmanager
def holding(network: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Let a network hold other tensors, of any shape and dtype that its own have, for a while; then its own again."""
    own = copy_of(network)
    network.load_state_dict(tensors)
    try:
        yield
    finally:
        network.load_state_dict(own)
