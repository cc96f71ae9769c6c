"""Where a training is, and the checkpoints of it in the store, from which a later run goes on bit for bit."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import torch
from filelock import FileLock, Timeout
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from roadseg.frames.batches import Batch
from roadseg.frames.files import FrameFiles
from roadseg.frames.store import evict_old
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import Params, Train
from roadseg.training.averaging import AveragedWeights, BestWeights, MeanWeights
from roadseg.training.losses import Loss
from roadseg.training.preparation import Frozen
from roadseg.training.schedules import Schedule

_CODE = Path(__file__).parents[2]
_PACKAGES = ("torch", "numpy", "albumentations", "opencv-python-headless", "segmentation-models-pytorch", "timm")
# what no training reads, or only the files that it was turned into
_NOT_TRAINED = {
    *("data", "classes", "class_file", "class_row", "pretrained"),
    *("predict", "check_labels", "flops", "report"),
}

Row: TypeAlias = dict[str, Any]  # of an epoch: epoch, lr, loss, val_loss, miou, iou (K)


@dataclass
class Sums:
    """What the batches of an epoch add up to so far."""

    batches: int = 0
    loss: float = 0.0  # each batch's, times its weight
    weight: float = 0.0
    lr: float | None = None  # at the first batch


@dataclass
class Training:
    """One training: what learns in it, and between two batches all that it needs to go on."""

    train: Train  # the section of params.yaml
    fabric: Fabric
    files: Sequence[FrameFiles]  # that are trained on
    network: nn.Module
    model: nn.Module  # the network as it runs on the devices
    frozen: Frozen
    loss_of: Loss
    optimizer: Optimizer
    schedule: Schedule
    averaged: AveragedWeights
    epoch: int = 1  # the next one, or the one under way
    sums: Sums = field(default_factory=Sums)
    history: list[Row] = field(default_factory=list)
    best: BestWeights = field(default_factory=BestWeights)
    early: MeanWeights = field(default_factory=MeanWeights)
    _random: list[Tensor] = field(default_factory=list)

    @property
    def chosen_row(self) -> Row:
        """The row of the epoch whose weights are the best ones."""
        return next(row for row in self.history if row["epoch"] == self.best.epoch)

    def next_epoch(self, row: Row) -> None:
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
            "ema": self.averaged.ema.state_dict() if self.averaged.ema else {},
            "random": self._random or _random_states(),
            "parts": {name: dict(part.state_dict()) for name, part in self._parts().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` returned for such a training, its tensors on any device."""
        self.epoch, self.sums, self.history = state["epoch"], Sums(**state["sums"]), list(state["history"])
        self.best, self._random = BestWeights(**state["best"]), state["random"]
        self.early.load_state_dict(state["early"])
        if self.averaged.ema:
            self.averaged.ema.load_state_dict(state["ema"])
        for name, part in self._parts().items():
            part.load_state_dict(state["parts"][name])

    def _parts(self) -> dict[str, Any]:
        scaler = self.fabric.strategy.precision  # of the loss, in float16
        scheduler = self.schedule.scheduler
        return {"network": self.network, "optimizer": self.optimizer, "scaler": scaler, "schedule": scheduler}


def _random_states() -> list[Tensor]:
    """The generators that dropout and drop path draw from: the CPU's, then those of the GPUs."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def _restore(states: list[Tensor]) -> None:
    torch.set_rng_state(states[0])
    if states[1:]:
        torch.cuda.set_rng_state_all(states[1:])


class Checkpoints:
    """The checkpoints of one training, in a folder that no other training uses; without a folder nothing is kept.

    Each process writes a file of its own for each step. A step counts once the last of them is there, and only then do
    those before it go.
    """

    def __init__(self, folder: Path | None, fabric: Fabric, lock: FileLock | None = None) -> None:
        """`lock` is held for as long as this object lives."""
        self.folder, self.lock = folder, lock
        self.rank, self.world, self.wait_for_all = fabric.global_rank, fabric.world_size, fabric.barrier

    def latest(self) -> dict[str, Any] | None:
        """Return what this process saved at the last step that all processes have saved; None where there is none."""
        if self.folder is None or not (steps := self._complete_steps()):
            return None
        # tensors and plain values alone: nothing in the file is run
        return torch.load(self._file(self.folder, max(steps)), map_location="cpu", weights_only=True)

    def save(self, step: tuple[int, int], content: dict[str, Any]) -> None:
        """Write the state after a step (epoch, batches); UserError where the folder can't be written."""
        if self.folder is None:
            return
        file = self._file(self.folder, step)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / f".{self.rank}.new"
            with temporary.open("wb") as output:
                torch.save(content, output)
                output.flush()
                os.fsync(output.fileno())
            temporary.replace(file)
        except (OSError, RuntimeError) as error:  # torch's own for a full disk
            reason = error.strerror if isinstance(error, OSError) else "not all of it could be written"
            raise UserError(
                f"{self.folder}: the state of the training can't be kept ({reason}); free some space, or set "
                "ROADSEG_STORE to a folder that can be written"
            ) from None
        self.wait_for_all()
        for old in set(self.folder.glob(f"*-{self.rank}.pt")) - {file}:
            old.unlink()

    def remove(self) -> None:
        """Remove all checkpoints: the training is done."""
        if self.folder and self.rank == 0:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, folder: Path, step: tuple[int, ...]) -> Path:
        return folder / f"{'.'.join(map(str, step))}-{self.rank}.pt"

    def _complete_steps(self) -> list[tuple[int, ...]]:
        """The steps of which every process has written its file."""
        ranks: dict[tuple[int, ...], set[int]] = {}
        for file in self.folder.glob("*-*.pt") if self.folder else ():
            step, _, rank = file.stem.rpartition("-")
            ranks.setdefault(tuple(map(int, step.split("."))), set()).add(int(rank))
        return [step for step, found in ranks.items() if found == set(range(self.world))]


def open_checkpoints(folder: Path, fabric: Fabric) -> Checkpoints:
    """Lock a folder of checkpoints; where another training uses it, or none can be written, nothing is kept."""
    lock = claim(folder) if fabric.is_global_zero else None
    is_free = fabric.broadcast(lock is not None)
    return Checkpoints(folder if is_free else None, fabric, lock)


def claim(folder: Path) -> FileLock | None:
    """Lock a folder for as long as the returned lock lives; None where it is taken, or the store can't be written.

    Folders beside it that were unused for 30 days go.
    """
    lock = FileLock(folder.with_name(f"{folder.name}.lock"))
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        return None
    with suppress(FileNotFoundError):
        os.utime(folder)
    evict_old(folder.parent)
    return lock


def fingerprint(params: Params, values: Sequence[object], files: Iterable[Path]) -> str:
    """Return 32 hex digits that change with all that decides a training.

    That is the parameters, but for sections that no training reads, further `values`, the content of `files`, all code,
    whoever uses it, and the libraries.
    """
    chosen = {key: value for key, value in params.decided().items() if key not in _NOT_TRAINED}
    versions = [version(name) for name in _PACKAGES]
    digest = hashlib.sha256(json.dumps([chosen, [str(value) for value in values], versions]).encode())
    for path in [*sorted(_CODE.rglob("*.py")), *files]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
