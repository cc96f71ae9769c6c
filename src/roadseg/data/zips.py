"""Read a zip that may be damaged, unsafe, or made on Windows."""

import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from roadseg.data.damage import damage_reported
from roadseg.frames.images import MAX_BYTES, check_size, is_litter
from roadseg.pipeline.errors import UserError, printable

_READ = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES encryption"}
_OTHER_KINDS = {b"7z\xbc\xaf": "7z", b"Rar!": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard"}


@contextmanager
def open_zip(path: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """Open a zip: the names of its files, slashed, and what reads one of them (in any thread).

    Raises UserError where it is damaged or another kind of archive, or where a member of it is unsafe or can't be
    unpacked.
    """
    shown = printable(path)
    with path.open("rb") as file:
        start = file.read(6)
    if kind := next((kind for mark, kind in _OTHER_KINDS.items() if start.startswith(mark)), ""):
        raise UserError(f"{shown} is a {kind} archive, which can't be read here; unpack it and name the folder")
    with damage_reported(shown, "zip"):
        archive = zipfile.ZipFile(path)
    with archive:
        members = _members(shown, archive.infolist())
        yield list(members), lambda name: _read(archive, members[name], f"{shown}/{printable(name)}")


def _members(shown: str, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    # a name with backslashes alone was written on Windows; beside slashes a backslash is part of a name
    windows = not any("/" in info.filename for info in infos)
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if reason := _danger(info):
            raise UserError(f"{shown}: {info.filename!r} {reason}; nothing was read from it; do not trust it")
        name = info.filename.replace("\\", "/") if windows else info.filename
        if name.endswith("/") or is_litter(name):
            continue
        name = str(PurePosixPath(name))  # without ./ and //
        if reason := _unreadable(info, name in members):
            raise UserError(f"{shown}: {printable(name)} {reason}")
        members[name] = info
    return members


def _danger(info: zipfile.ZipInfo) -> str:
    """Say why a member must not be touched, or nothing."""
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        return "leads outside of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a symbolic link"
    if info.flag_bits & 1:
        return "is encrypted"
    return ""


def _unreadable(info: zipfile.ZipInfo, twice: bool) -> str:
    """Say why a member can't be read, with the remedy, or nothing."""
    if twice:
        return "is in it twice; zip it again"
    if info.compress_type not in _READ:
        method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
        return f"is packed by {method}, which can't be read here; unpack it and name the folder, or zip it again"
    if info.header_offset < 0:
        return f"begins {-info.header_offset} bytes before the file does: damaged; delete the zip and get it again"
    return ""


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, shown: str) -> bytes:
    check_size(info.file_size, shown)
    with damage_reported(shown, "zip"), archive.open(info) as member:
        data = member.read(MAX_BYTES + 1)
    check_size(len(data), shown)
    return data
