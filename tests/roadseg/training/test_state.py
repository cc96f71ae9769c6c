"""A training that was broken off and goes on ends with the same bits as one that was left alone."""

import os
import time
from types import SimpleNamespace

import pytest
import torch
from small_training import small_training
from torch import nn

import train
from roadseg.frames.batches import Batch
from roadseg.pipeline.errors import Stopped, UserError
from roadseg.pipeline.sections import Cosine, Plateau, Poly
from roadseg.training.state import Checkpoints, claim

EPOCHS, BATCHES = 4, 3
SCHEDULES = {
    "poly": Poly(power=1.0, warmup_epochs=1.0),
    "cosine": Cosine(eta_min=0.0),
    "plateau": Plateau(factor=0.5, patience=0),
}


def fabric_of(rank, world, wait_for_all=lambda: None):
    return SimpleNamespace(global_rank=rank, world_size=world, barrier=wait_for_all)


FABRIC = fabric_of(0, 1)
NO_CHECKPOINTS = Checkpoints(None, FABRIC)


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


def trained(checkpoints, how, stop=None, error=None):
    """Train until the end, or until the stop, going on from the last checkpoint."""
    torch.manual_seed(7)
    optimizer, schedule, decay, select = how
    network, row = Network(), SCHEDULES[schedule]
    choices = {"epochs": EPOCHS, "optimizer": optimizer, "select": select, "weight_decay": 0.01}
    training = small_training(network, row, BATCHES, decay, share=0.25, classes=3, **choices)
    if before := checkpoints.latest():
        training.load_state_dict(before)
        torch.manual_seed(999)  # what another process has drawn by now is not what this one needs

    def validated():
        miou = network[3].bias.sum().item()
        return {"val_loss": network[1].weight.sum().item(), "miou": miou, "iou": network[3].bias.tolist()}

    def save():
        checkpoints.save((training.epoch, training.sums.batches), training.state_dict())

    train.run_epochs(training, Loader(stop, error).batches_of, validated, save, lambda: None)
    return training


@pytest.mark.parametrize("stop", [(1, 0), (1, 2), (3, 0), (4, 1)])
@pytest.mark.parametrize("error", [Stopped(15), RuntimeError("killed")])
@pytest.mark.parametrize(
    "how", [("adamw", "poly", 0.9, "val"), ("sgd", "cosine", 0.0, "last"), ("adam", "plateau", 0.5, "last")]
)
def test_goes_on_bit_for_bit(tmp_path, how, error, stop):
    undisturbed = trained(NO_CHECKPOINTS, how)
    with pytest.raises(type(error)):
        trained(Checkpoints(tmp_path, FABRIC), how, stop, error)
    saved = Checkpoints(tmp_path, FABRIC).latest()
    asked = isinstance(error, Stopped)
    if not asked and stop[0] == 1:
        assert saved is None
    else:  # between two batches where it was asked to stop, else after the last whole epoch
        assert (saved["epoch"], saved["sums"]["batches"]) == (stop if asked else (stop[0], 0))
    again = trained(Checkpoints(tmp_path, FABRIC), how)
    assert again.history == undisturbed.history
    assert again.best.epoch == undisturbed.best.epoch
    for weights, expected in (
        (again.best.weights, undisturbed.best.weights),
        (again.early.tensors(), undisturbed.early.tensors()),
    ):
        assert weights.keys() == expected.keys() == again.network.state_dict().keys()
        assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())


def test_what_a_training_would_forget_shows(tmp_path):
    """The comparison above can fail: without the generators' states dropout draws other numbers."""
    how = "adamw", "poly", 0.9, "val"
    undisturbed = trained(NO_CHECKPOINTS, how)
    checkpoints = Checkpoints(tmp_path, FABRIC)
    with pytest.raises(Stopped):
        trained(checkpoints, how, (2, 1), Stopped(15))
    state = checkpoints.latest()
    checkpoints.save((9, 9), state | {"random": [torch.Generator().manual_seed(3).get_state()]})
    assert trained(checkpoints, how).history != undisturbed.history


def test_the_latest_step_is_the_one_that_counts(tmp_path):
    saved = Checkpoints(tmp_path / "x", FABRIC)
    assert saved.latest() is None
    for step in ((9, 0), (10, 2), (11, 0)):
        saved.save(step, {"step": list(step), "tensor": torch.arange(3)})
    assert saved.latest()["step"] == [11, 0]
    assert torch.equal(saved.latest()["tensor"], torch.arange(3))
    assert len(list((tmp_path / "x").iterdir())) == 1
    saved.remove()
    assert saved.latest() is None
    assert not (tmp_path / "x").exists()


def test_a_step_counts_once_all_processes_have_saved_it(tmp_path):
    first, second = (Checkpoints(tmp_path, fabric_of(rank, 2)) for rank in range(2))
    first.save((1, 0), {"of": 0})
    assert first.latest() is None
    second.save((1, 0), {"of": 1})
    with pytest.raises(RuntimeError, match="killed"):  # before the second process has saved
        Checkpoints(tmp_path, fabric_of(0, 2, kill)).save((2, 0), {"of": 2})
    assert first.latest() == {"of": 0}
    assert second.latest() == {"of": 1}
    second.save((2, 0), {"of": 3})
    assert (first.latest(), second.latest()) == ({"of": 2}, {"of": 3})


def kill():
    raise RuntimeError("killed")


def test_half_a_file_does_not_count(tmp_path):
    saved = Checkpoints(tmp_path, FABRIC)
    saved.save((1, 0), {"a": 1})
    (tmp_path / ".0.new").write_bytes(b"half")
    assert saved.latest() == {"a": 1}
    saved.save((2, 0), {"a": 2})
    assert saved.latest() == {"a": 2}


def test_nothing_in_a_file_is_run(tmp_path):
    saved = Checkpoints(tmp_path, FABRIC)
    torch.save({"a": os.getcwd}, tmp_path / "1.0-0.pt")
    with pytest.raises(Exception, match="Weights only load failed"):
        saved.latest()


def test_without_a_folder_nothing_is_kept():
    saved = NO_CHECKPOINTS
    saved.save((1, 0), {"a": 1})
    assert saved.latest() is None
    saved.remove()


def test_a_state_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/x: the state of the training can't be kept \(.*\); free some space"):
        Checkpoints(tmp_path / "file" / "x", FABRIC).save((1, 0), {"a": 1})


def test_one_training_at_a_time_has_a_folder_and_old_ones_go(tmp_path):
    old = tmp_path / "trainings" / "old"
    old.mkdir(parents=True)
    os.utime(old, (time.time() - 31 * 24 * 3600,) * 2)
    lock = claim(tmp_path / "trainings" / "new")
    assert lock
    assert claim(tmp_path / "trainings" / "new") is None
    assert claim(tmp_path / "trainings" / "other")
    lock.release()
    assert claim(tmp_path / "trainings" / "new")
    assert not old.exists()
    (tmp_path / "file").write_text("")
    assert claim(tmp_path / "file" / "new") is None
