"""The course of one training: its epochs, what is watched after each, and the weights that are kept in the end."""

from collections.abc import Callable, Iterable, Mapping

from torch import Tensor, nn

from roadseg.frames.batches import Batch
from roadseg.pipeline.errors import Stopped
from roadseg.training.averaging import holding
from roadseg.training.freezing import Frozen
from roadseg.training.members import Member, Row
from roadseg.training.state import TrainingState
from roadseg.training.watching import Watched

_WATCHED = ("val_loss", "miou", "iou")


def run_epochs(
    network: nn.Module,
    epochs: int,
    batches_of: Callable[[int, int], Iterable[Batch]],
    train: Callable[..., float],
    frozen: Frozen,
    score: Callable[[], Watched] | None,
    state: TrainingState,
    choose: bool,
    show: Callable[[list[Row]], None],
    save: Callable[[TrainingState], None] = lambda _: None,
) -> Member:
    """Train a network from where `state` is until it has had some epochs, and return what became of it.

    `batches_of` gives the batches of an epoch by its number, from a batch on, and `train` its mean loss, with what is
    `frozen` in eval mode. `score` gives what the network is worth now, and is None where no frames are watched.
    `save` is called after each epoch, and where a signal stops the training between two batches; then `show`, with the
    rows of all epochs so far. The weights of the epoch of highest mIoU are kept where `choose` says so, else those
    of the last one; beside them, the mean of the early epochs' ones. Statistics of batch norms
    are averaged like weights. Of 0 epochs the row is number 0, without a loss, and the weights are those that the
    network holds.
    Raises UserError where the schedule needs an mIoU and has none.
    """
    if epochs == 0:
        member = _untrained(network, score, state)
        show(member.history)
        return member
    while state.epoch <= epochs:
        epoch = state.epoch
        try:
            loss = train(state.remaining(batches_of), still=frozen.in_epoch(epoch), sums=state.sums)
        except Stopped:
            save(state)
            raise
        with state.kept.in_network():
            seen = score() if score else None
            state.best.offer(epoch, seen.miou if seen and choose else None, network)
            if is_early(epoch, epochs):
                state.early.add(network.state_dict())
        state.schedule.after_epoch(seen.miou if seen else None)
        state.next_epoch(row_of(epoch, state.sums.lr, loss, seen))
        save(state)
        show(state.history)
    history, best = state.history, state.best
    return Member(history, best.epoch, best.weights, history[best.epoch - 1]["miou"], state.early.tensors())


def _untrained(network: nn.Module, score: Callable[[], Watched] | None, state: TrainingState) -> Member:
    state.best.offer(0, None, network)
    row = row_of(0, 0.0, None, score() if score else None)
    return Member([row], 0, state.best.weights, row["miou"], state.best.weights)


def is_early(epoch: int, epochs: int) -> bool:
    """Whether an epoch is in the second quarter of a training, or else the first of at most three.

    A network learns first what most labels agree on, and only later the wrong ones by heart (Arpit et al., ICML 2017;
    Liu et al., NeurIPS 2020): the mean of its weights in these epochs tells which labels may be wrong.

    Example:
        >>> [epoch for epoch in range(1, 17) if is_early(epoch, 16)]
        [4, 5, 6, 7, 8]
    """
    return epochs / 4 <= epoch <= max(epochs / 2, 1)


def row_of(epoch: int, lr: float | None, loss: float | None, seen: Watched | None) -> Row:
    """Return what the history says of an epoch."""
    watched = {"val_loss": seen.loss, "miou": seen.miou, "iou": seen.iou} if seen else dict.fromkeys(_WATCHED)
    return {"epoch": epoch, "lr": lr, "loss": loss} | watched


def score_of(weights: Mapping[str, Tensor], network: nn.Module, score: Callable[[], Watched] | None) -> float | None:
    """Return the mIoU that a network has with those weights, of any shape and dtype that its own have.

    None where no frames are watched.
    """
    if score is None:
        return None
    with holding(network, weights):
        return score().miou
