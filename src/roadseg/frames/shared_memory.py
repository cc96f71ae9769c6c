"""How many loader processes have room in the memory that processes share: to write beyond it would kill them."""

import os
import shutil
import sys
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")  # on Linux
_MARGIN = 1 << 20  # bytes for the queues between the processes
_MADE_AHEAD = 2  # batches by each worker, torch's own default


def free_shared_memory() -> int | None:
    """Return the bytes of memory that processes can share; None where the system does not set them apart."""
    if not _SHARED_MEMORY.is_dir():
        return 0 if sys.platform == "linux" else None
    return shutil.disk_usage(_SHARED_MEMORY).free if os.access(_SHARED_MEMORY, os.W_OK) else 0


def workers_that_fit(workers: int, bytes_of_slot: int, free: int | None) -> tuple[int, int]:
    """Return how many of the workers, each so many batches ahead, have room for their slots in `free` bytes."""
    if free is None:
        return workers, _MADE_AHEAD
    choices = ((number, ahead) for number in range(workers, 0, -1) for ahead in range(_MADE_AHEAD, 0, -1))
    needed = {(number, ahead): (number * ahead + 1) * bytes_of_slot + _MARGIN for number, ahead in choices}
    return next((choice for choice, room in needed.items() if room <= free), (0, 0))


def shortage(fit: int, workers: int) -> str:
    """Return what is said where fewer workers fit than there should be; else it is empty."""
    if fit >= workers:
        return ""
    who = f"{fit} of {workers} loader processes make" if fit else "the training makes"
    return (
        f"{_SHARED_MEMORY} has too little room: {who} the batches, slower and with the same result; in a container "
        "start it with --shm-size=1g"
    )
