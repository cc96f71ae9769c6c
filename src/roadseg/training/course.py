"""The course of one training: its epochs, what is watched after each, and the weights that are kept in the end."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from roadseg.errors import Stopped
from roadseg.frames.batches import Batch
from roadseg.training.averaging import holding
from roadseg.training.freezing import Frozen
from roadseg.training.members import Member
from roadseg.training.state import TrainingState


def run_epochs(
    network: nn.Module,
    epochs: int,
    batches_of: Callable[[int, int], Iterable[Batch]],
    train: Callable[..., float],
    frozen: Frozen,
    score: Callable[[], float] | None,
    state: TrainingState,
    choose: bool,
    average_last: int,
    show: Callable[[dict[str, Any]], None],
    save: Callable[[TrainingState], None] = lambda _: None,
) -> Member:
    """Train a network from where `state` is until it has had some epochs, and return what became of it.

    `batches_of` gives the batches of an epoch by its number, from a batch on, and `train` its mean loss, with what is
    `frozen` in eval mode. `score` gives the mIoU of what the network holds, and is None where no frames are watched.
    `save` is called after each epoch, and where a signal stops the training between two batches; `show` is called with
    each epoch's row. The weights of the epoch of highest mIoU are kept where `choose` says so, else the mean of those
    of the `average_last` last ones. Statistics of batch norms are averaged like weights. Of 0 epochs the
    row is number 0, without a loss, and the weights are those that the network holds.
    Raises UserError where the schedule needs an mIoU and has none.
    """
    if epochs == 0:
        state.best.offer(0, None, network)
        row = {"epoch": 0, "lr": 0.0, "loss": None, "miou": score() if score else None}
        show(row)
        return Member([row], 0, state.best.weights, row["miou"])
    while state.epoch <= epochs:
        epoch = state.epoch
        try:
            loss = train(state.remaining(batches_of), still=frozen.in_epoch(epoch), sums=state.sums)
        except Stopped:
            save(state)
            raise
        with state.kept.in_network():
            miou = score() if score else None
            state.best.offer(epoch, miou if choose else None, network)
            if epochs - epoch < average_last > 1:
                state.mean.add(network.state_dict())
        state.schedule.after_epoch(miou)
        state.next_epoch({"epoch": epoch, "lr": state.sums.lr, "loss": loss, "miou": miou})
        save(state)
        show(state.history[-1])
    history, best, mean = state.history, state.best, state.mean
    if average_last == 1:
        return Member(history, best.epoch, best.weights, history[best.epoch - 1]["miou"])
    return Member(history, epochs, mean.tensors(), score_of(mean.tensors(), network, score))


def score_of(weights: Mapping[str, Tensor], network: nn.Module, score: Callable[[], float] | None) -> float | None:
    """Return the mIoU that a network has with those weights, of any shape and dtype that its own have.

    None where no frames are watched.
    """
    if score is None:
        return None
    with holding(network, weights):
        return score()
