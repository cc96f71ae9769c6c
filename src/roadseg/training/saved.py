"""The state of a training in files, whole after each step, so that a killed training can go on."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from roadseg.frames.store import evict_old
from roadseg.pipeline.errors import UserError

State = dict[str, Any]  # tensors, numbers, texts, and lists and dicts of them


class Saved:
    """The states of one training, in a folder that no other training uses.

    Each of `world` processes writes a file of its own for each step. A step counts once the last of them is there, and
    only then do those before it go.
    """

    def __init__(
        self,
        folder: Path | None,
        rank: int = 0,
        world: int = 1,
        wait_for_all: Callable[[], object] = lambda: None,
        lock: FileLock | None = None,
    ) -> None:
        """Without a folder nothing is kept. `wait_for_all` returns when each process has called it; `lock` is held."""
        self.folder, self.rank, self.world, self.wait_for_all, self.lock = folder, rank, world, wait_for_all, lock

    def latest(self) -> State | None:
        """Return what this process saved at the last step that all processes have saved; None where there is none."""
        steps = sorted(self._steps())
        if not self.folder or not steps:
            return None
        # tensors and plain values alone: nothing in the file is run
        return torch.load(self._file(steps[-1]), map_location="cpu", weights_only=True)

    def save(self, step: tuple[int, ...], state: State) -> None:
        """Write the state after a step, larger than those before; UserError where the folder can't be written."""
        if not self.folder:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / f".{self.rank}.new"
            with temporary.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._file(step))
        except (OSError, RuntimeError) as error:  # torch's own for a full disk
            reason = error.strerror if isinstance(error, OSError) else "not all of it could be written"
            raise UserError(
                f"{self.folder}: the state of the training can't be kept ({reason}); free some space, or set "
                "ROADSEG_STORE to a folder that can be written"
            ) from None
        self.wait_for_all()
        for old in self.folder.glob(f"*-{self.rank}.pt"):
            if old != self._file(step):
                old.unlink()

    def remove(self) -> None:
        """Remove all states: the training is done."""
        if self.folder and self.rank == 0:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, step: tuple[int, ...]) -> Path:
        assert self.folder is not None
        return self.folder / f"{'.'.join(map(str, step))}-{self.rank}.pt"

    def _steps(self) -> list[tuple[int, ...]]:
        """The steps of which every process has written its file."""
        ranks: dict[tuple[int, ...], set[int]] = {}
        for file in self.folder.glob("*-*.pt") if self.folder else ():
            step, _, rank = file.stem.rpartition("-")
            ranks.setdefault(tuple(map(int, step.split("."))), set()).add(int(rank))
        return [step for step, found in ranks.items() if found == set(range(self.world))]


def claim(folder: Path) -> FileLock | None:
    """Lock a folder of states for as long as the returned lock lives; None where another training uses it.

    Folders beside it that were unused for 30 days go. Where the store can't be written nothing can be claimed.
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
