"""A training that was broken off and goes on ends with the same bits as one that was left alone."""

from functools import partial

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from roadseg.frames.batches import Batch
from roadseg.pipeline.errors import Stopped
from roadseg.pipeline.sections import Cosine, Plateau, Poly
from roadseg.training.averaging import Kept, copy_of
from roadseg.training.course import run_epochs
from roadseg.training.epoch import build_optimizer, train_epoch
from roadseg.training.freezing import Frozen
from roadseg.training.losses import build_loss
from roadseg.training.saved import Saved
from roadseg.training.schedules import build_schedule
from roadseg.training.state import TrainingState
from roadseg.training.watching import Watched

EPOCHS, BATCHES = 4, 3
SCHEDULES = {"poly": Poly(power=1.0, warmup_epochs=1.0), "cosine": Cosine(eta_min=0.0), "plateau": None}


class Network(nn.Sequential):
    """It draws numbers (dropout), and has statistics (batch norm)."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 3, 1))


class Loader:
    """Random batches by epoch and number; like torch's, it draws from the global generator when it is first used."""

    def __init__(self, stop, error):
        self.stop, self.error, self.started = stop, error, False

    def batches_of(self, epoch, first):
        if not self.started:
            torch.empty((), dtype=torch.int64).random_()
            self.started = True
        for number in range(first, BATCHES):
            generator = torch.Generator().manual_seed(100 * epoch + number)
            images = torch.randint(0, 256, (2, 4, 4, 3), generator=generator, dtype=torch.uint8)
            if (epoch, number) == self.stop:
                raise self.error
            yield Batch(images, images[..., 0] // 86, 2)


def training(optimizer_name, schedule_name, decay, choose, saved, stop=None, error=None):
    """Train until the end, or until the stop, going on from what was saved."""
    torch.manual_seed(7)
    fabric, network = Fabric(accelerator="cpu", devices=1), Network()
    kept = Kept(network, decay, copy_of(network), 0.25)
    optimizer = build_optimizer(optimizer_name, network.parameters(), 0.1, 0.01)
    row = SCHEDULES[schedule_name] or Plateau(factor=0.5, patience=0)
    schedule = build_schedule(row, optimizer, EPOCHS, BATCHES)
    model, optimizer = fabric.setup(network, optimizer)
    state = TrainingState(network, optimizer, fabric.strategy.precision, schedule, kept)
    if before := saved.latest():
        state.load_state_dict(before)
        torch.manual_seed(999)  # what another process has drawn by now is not what this one needs
    train = partial(
        train_epoch,
        fabric,
        model,
        loss_of=build_loss("ce", 3),
        optimizer=optimizer,
        schedule=schedule,
        full_batch=2,
        after_step=kept.after_step,
    )
    return run_epochs(
        network,
        EPOCHS,
        Loader(stop, error).batches_of,
        train,
        Frozen(network, "train", "none"),
        lambda: Watched(network[1].weight.sum().item(), network[3].bias.sum().item(), network[3].bias.tolist()),
        state,
        choose,
        lambda _: None,
        lambda state: saved.save(state.step, state.state_dict()),
    )


@pytest.mark.parametrize("stop", [(1, 0), (1, 2), (3, 0), (4, 1)])
@pytest.mark.parametrize("error", [Stopped(15), RuntimeError("killed")])
@pytest.mark.parametrize(
    ("optimizer", "schedule", "decay", "choose"),
    [("adamw", "poly", 0.9, True), ("sgd", "cosine", 0.0, False), ("adam", "plateau", 0.5, False)],
)
def test_goes_on_bit_for_bit(tmp_path, optimizer, schedule, decay, choose, error, stop):
    how = optimizer, schedule, decay, choose
    undisturbed = training(*how, Saved(None))
    with pytest.raises(type(error)):
        training(*how, Saved(tmp_path), stop, error)
    saved = Saved(tmp_path).latest()
    asked = isinstance(error, Stopped)
    if not asked and stop[0] == 1:
        assert saved is None
    else:  # between two batches where it was asked to stop, else after the last whole epoch
        assert (saved["epoch"], saved["sums"]["batches"]) == (stop if asked else (stop[0], 0))
    member = training(*how, Saved(tmp_path))
    assert member.history == undisturbed.history
    assert (member.epoch, member.miou) == (undisturbed.epoch, undisturbed.miou)
    assert member.weights.keys() == undisturbed.weights.keys() == member.early.keys()
    assert all(torch.equal(tensor, undisturbed.early[name]) for name, tensor in member.early.items())
    assert all(torch.equal(member.weights[name], tensor) for name, tensor in undisturbed.weights.items())


def test_what_a_training_would_forget_shows(tmp_path):
    """The comparison above can fail: without the generators' states dropout draws other numbers."""
    how = "adamw", "poly", 0.9, True
    undisturbed = training(*how, Saved(None))
    with pytest.raises(Stopped):
        training(*how, Saved(tmp_path), (2, 1), Stopped(15))
    saved = Saved(tmp_path)
    state = saved.latest()
    saved.save((9, 9), state | {"random": [torch.Generator().manual_seed(3).get_state()]})
    assert training(*how, saved).history != undisturbed.history
