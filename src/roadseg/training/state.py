"""Where one training is: all that it needs to go on, bit for bit, as if it had never stopped."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from roadseg.frames.batches import Batch
from roadseg.networks.mean import Mean
from roadseg.training.averaging import Kept
from roadseg.training.epoch import Best, Sums
from roadseg.training.schedules import Schedule


class Stateful(Protocol):
    """What has a state: an optimiser, a scaler of losses."""

    def state_dict(self) -> Mapping[str, Any]: ...

    def load_state_dict(self, state: Any) -> None: ...


class TrainingState:
    """A training between two batches: its epoch, that epoch's sums so far, its history, and what learns in it."""

    def __init__(
        self, trained: nn.Module, optimizer: Stateful, scaler: Stateful, schedule: Schedule, kept: Kept
    ) -> None:
        self._parts = {"trained": trained, "optimizer": optimizer, "scaler": scaler, "schedule": schedule.scheduler}
        self.schedule, self.kept = schedule, kept
        self.epoch, self.sums, self.best, self.early = 1, Sums(), Best(), Mean()
        self.history: list[dict[str, Any]] = []
        self._random: list[Tensor] = []

    @property
    def step(self) -> tuple[int, int]:
        """The epoch that is next or under way, and how many of its batches are done."""
        return self.epoch, self.sums.batches

    def next_epoch(self, row: dict[str, Any]) -> None:
        self.history.append(row)
        self.epoch, self.sums = self.epoch + 1, Sums()

    def remaining(self, batches_of: Callable[[int, int], Iterable[Batch]]) -> Iterator[Batch]:
        """Yield the batches of the epoch that are still to be done; `batches_of` takes its number and those to pass."""
        for batch in batches_of(self.epoch, self.sums.batches):
            if self._random:  # only now: to start the loader's processes draws a number, too
                _restore(self._random)
                self._random = []
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return tensors, numbers, texts, and lists and dicts of them; tensors may be those of the training itself."""
        return {
            "epoch": self.epoch,
            "sums": vars(self.sums),
            "history": self.history,
            "best": vars(self.best),
            "early": self.early.state_dict(),
            "average": self.kept.average.state_dict() if self.kept.average else {},
            "random": self._random or _random_states(),
            "parts": {name: dict(part.state_dict()) for name, part in self._parts.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned for such a training, its tensors on any device."""
        self.epoch, self.sums, self.history = state["epoch"], Sums(**state["sums"]), list(state["history"])
        self.best, self._random = Best(**state["best"]), state["random"]
        self.early.load_state_dict(state["early"])
        if self.kept.average:
            self.kept.average.load_state_dict(state["average"])
        for name, part in self._parts.items():
            part.load_state_dict(state["parts"][name])


def _random_states() -> list[Tensor]:
    """The generators that dropout and drop path draw from: the CPU's, then those of the GPUs."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def _restore(states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if states[1:]:
        torch.cuda.set_rng_state_all(states[1:])
