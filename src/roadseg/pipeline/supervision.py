"""A stage ends with the DVC that started it, and only one stage at a time works in a folder.

Otherwise a training that outlives a killed `dvc` would later replace the model of the next run.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from roadseg.pipeline.errors import Stopped, UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_POLL, _GRACE = 0.5, 10.0  # seconds between two looks, and until the end is forced
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish"}


@contextmanager
def supervised() -> Iterator[None]:
    """Hold this folder for a stage, and interrupt the stage when the DVC process that started it is gone.

    Processes that share a training with the first one don't hold the folder again.
    Raises UserError where another stage is at work in the folder.
    """
    signal.signal(signal.SIGTERM, _stop)  # an exception, so that temporary files go
    if os.environ.get("DVC_STAGE"):  # set by DVC for the commands that it runs
        threading.Thread(target=_end_with, args=(_ancestors(),), daemon=True).start()
    if any(os.environ.get(name, "0") != "0" for name in ("RANK", "LOCAL_RANK")):
        yield
        return
    folder = os.open(".", os.O_RDONLY)
    try:
        _lock(folder)
        yield
    finally:
        os.close(folder)


@contextmanager
def stop_asked_for(possible: bool = True) -> Iterator[list[int]]:
    """Only note SIGINT and SIGTERM for a while, in the list that is returned; a second one interrupts at once.

    Where it is not possible, as with several processes that wait for one another, the first one does.
    """
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise Stopped(number)
        asked.append(number)

    # what a script runs in the background ignores SIGINT
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    noted = [number for number, handler in before.items() if possible and handler is not signal.SIG_IGN]
    try:
        for number in noted:
            signal.signal(number, note)
        yield asked
    finally:
        for number in noted:
            signal.signal(number, before[number])


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)


def _lock(folder: int) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"another stage is at work in {Path.cwd()}; wait for it, or end it (pgrep -af 'python src/'), and run again"
        ) from None
    except OSError:  # a file system without locks
        return


def _ancestors() -> list[int]:
    """Return the process that started this one, and if that is a shell also the one that started the shell."""
    parent = os.getppid()
    try:
        is_shell = Path(f"/proc/{parent}/comm").read_text().strip() in _SHELLS
    except OSError:
        is_shell = False
    return [parent, _parent_of(parent)] if is_shell else [parent]


def _parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _end_with(ancestors: list[int]) -> None:
    """Wait until one of the ancestors has ended, as their children then have another parent; then end this process."""
    while os.getppid() == ancestors[0] and (len(ancestors) == 1 or _parent_of(ancestors[0]) == ancestors[1]):
        time.sleep(_POLL)
    os.kill(os.getpid(), signal.SIGTERM)  # not SIGINT, which is ignored in what a script runs in the background
    time.sleep(_GRACE)
    os.kill(os.getpid(), signal.SIGKILL)
