"""Read a tar, plain or compressed, with the rules of tarfile's `data` filter, and without links altogether.

A compressed tar can be read from front to back only, so its files go into one temporary file first.
"""

import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from roadseg.data.damage import damage_reported, damaged
from roadseg.frames.images import MAX_BYTES, check_size, is_litter
from roadseg.pipeline.errors import UserError, printable

_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_ENDINGS = {".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz"}
_TRUSTED_RATIO = 100  # pictures are compressed already: an archive of them doesn't grow like that
_PIECE = 2**20


class _Member(tarfile.TarInfo):
    """A member of a tar whose end is known: tarfile itself takes a header that is cut or damaged for the tar's end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Member":
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise  # the zeros that a whole tar ends with
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None


def is_tar(path: Path) -> bool:
    """Return whether a file is a tar or something compressed that may hold one, by its first bytes or its ending."""
    with path.open("rb") as file:
        start = file.read(512)
    return start.startswith(_COMPRESSED) or start[257:262] == b"ustar" or path.suffix.lower() in _ENDINGS


@contextmanager
def open_tar(path: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """Open a tar: the names of its files, and what reads one of them (in any thread).

    Raises UserError where it is damaged or a member of it is unsafe.
    """
    shown = printable(path)
    with path.open("rb") as file, tempfile.TemporaryFile() as unpacked:
        compressed = file.read(6).startswith(_COMPRESSED)
        places: dict[str, tuple[int, int]] = {}  # where in `source` a file begins, and its size
        source: BinaryIO = unpacked if compressed else file
        mode = "r|*" if compressed else "r:"
        with damage_reported(shown, "tar"), tarfile.open(path, mode, tarinfo=_Member) as archive:  # type: ignore[call-overload]
            for member in archive:
                if name := _safe_name(shown, member):
                    begin = _unpack(archive, member, unpacked, shown, path) if compressed else member.offset_data
                    places[name] = begin, member.size
        source.flush()
        yield list(places), lambda name: _read(source, *places[name], f"{shown}/{printable(name)}")


def _safe_name(shown: str, member: tarfile.TarInfo) -> str:
    """Return the name under which a member is read, or nothing where it is none to read; UserError if it is unsafe."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        reason = "leads outside of the archive"
    elif member.issym() or member.islnk():
        reason = "is a link"
    elif member.issparse() or not (member.isfile() or member.isdir()):
        reason = "is a device, a pipe or a sparse file"
    else:
        return "" if member.isdir() or is_litter(str(path)) else str(path)
    raise UserError(f"{shown}: {member.name!r} {reason}; nothing was read from it; do not trust it")


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, into: BinaryIO, shown: str, path: Path) -> int:
    """Append a member to a file and return where it begins there; one that is too large to be read is left out."""
    begin = into.seek(0, os.SEEK_END)
    if member.size > MAX_BYTES:
        return begin
    if begin + member.size > _TRUSTED_RATIO * path.stat().st_size + MAX_BYTES:
        raise UserError(f"{shown}: unpacks to more than {_TRUSTED_RATIO} times its size; do not trust it")
    content = archive.extractfile(member)
    assert content is not None  # it is a file
    while piece := content.read(_PIECE):
        into.write(piece)
    return begin


def _read(source: BinaryIO, begin: int, size: int, shown: str) -> bytes:
    check_size(size, shown)
    data = os.pread(source.fileno(), size, begin)
    if len(data) < size:
        raise damaged(shown, "tar", f"it ends {size - len(data)} bytes too early")
    return data
