"""Facts of the machine, read from the environment here alone: they change how fast a stage runs, not its result.

ROADSEG_STORE      folder for downloads and resized frames; by default the user's cache folder
ROADSEG_WORKERS    loader processes; by default one per core, at most 8
ROADSEG_DEVICES    GPUs, or CPU processes, that share one training; by default 1
"""

import os
import platform
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

from roadseg.pipeline.errors import UserError

_MOST_WORKERS = 8  # by default; more only compete for memory and disk


def store_folder() -> Path:
    """Return the folder in which downloads and resized frames outlive the stages' outputs.

    Raises UserError where no home folder is known and ROADSEG_STORE is not set.
    """
    text = os.environ.get("ROADSEG_STORE")
    try:
        folder = Path(text).expanduser() if text else user_cache_path("roadseg")
    except RuntimeError:
        folder = Path(text or "~")
    if str(folder).startswith("~"):
        raise UserError(f"{folder}: no home folder is known; set ROADSEG_STORE to a folder that can be written")
    return folder


def num_workers() -> int:
    """Return how many loader processes this machine runs; UserError where ROADSEG_WORKERS is not a number of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _positive("ROADSEG_WORKERS", "processes", default=min(_MOST_WORKERS, cores))


def num_devices() -> int:
    """Return how many devices share a training; UserError where ROADSEG_DEVICES is not a number of them."""
    return _positive("ROADSEG_DEVICES", "devices", default=1)


def processor_name() -> str:
    """Return the processor's name as its maker gives it, where the system tells; else what kind it is."""
    with suppress(OSError):  # Linux alone has it
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name" and name.strip():
                return name.strip()
    return platform.processor() or platform.machine() or "unknown"


def share_of_cores(cores: int) -> dict[str, str]:
    """Return the environment of a process that may use so many cores: its threads and its loader processes."""
    return {"OMP_NUM_THREADS": str(cores), "ROADSEG_WORKERS": str(cores)}


def _positive(variable: str, what: str, default: int) -> int:
    text = os.environ.get(variable)
    if not text:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise UserError(f"{variable}: {text!r} is not a number of {what}; set it to 1 or more")
    return int(text)
