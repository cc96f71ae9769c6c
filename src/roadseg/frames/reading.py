"""Read files that come from outside, by their kind and size first: no pipe, device or bomb is ever read.

Nothing that holds one picture is larger than 512 MiB here, whether it lies in a folder or in an archive.
"""

import errno
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from roadseg.pipeline.errors import UserError, printable

MAX_BYTES = 2**29  # of one file

# left behind by desktops, whatever the folder is for
_LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}

_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


def is_litter(name: str) -> bool:
    """Return whether a slashed name is of a hidden file, or of what desktops leave behind."""
    return any(part in _LITTER or (part.startswith(".") and part != "..") for part in PurePosixPath(name).parts)


def kind_of(path: Path) -> str:
    """Return what a path leads to: `a file`, `a folder`, `a named pipe`, `a device`, `a socket`, or nothing: "".

    Raises UserError for a link that is broken or leads back to itself.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UserError(f"{printable(path)} is a link that leads back to itself; remove it") from None
        if path.is_symlink():
            target = printable(path.readlink())
            raise UserError(f"{printable(path)} is a broken link to {target}; repair it, or remove it") from None
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return ""
        raise
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "a file")


def read_bytes(path: Path) -> bytes:
    """Return what is in a file; UserError where it is something else than a file, or too large.

    OSError where it is not there or can't be read.
    """
    if (kind := kind_of(path)) not in ("a file", ""):
        raise UserError(f"{printable(path)} is {kind}, not a file; put a file there, or remove it")
    check_size(path.stat().st_size, printable(path))
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)  # it may have grown since
    check_size(len(data), printable(path))
    return data


def check_size(size: int, name: str) -> None:
    """Raise a UserError where a file of so many bytes is too large to be read."""
    if size > MAX_BYTES:
        raise UserError(
            f"{name} has {size / 2**20:.0f} MiB, and a picture may have {MAX_BYTES // 2**20}; save it smaller"
        )
