"""Read files by name from a folder, a zip or a tar, the same way, and never outside of it.

A zip may be damaged, unsafe, or made on Windows. A tar is read with the rules of tarfile's `data` filter, and without
links altogether; a compressed one can be read from front to back only, so its files go into one temporary file first.
"""

import lzma
import os
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from roadseg.frames.images import MAX_BYTES, check_size, is_litter, kind_of, read_bytes
from roadseg.pipeline.errors import UserError, printable

Opened = tuple[list[str], Callable[[str], bytes]]  # the names of the files, and what reads one of them (in any thread)

_WRITTEN_AGAIN = {"colors.txt", "names.txt"}  # the text files of the seg_data layout
_PIECE = 2**20

_ZIP_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_OTHER_METHODS = {
    9: "Deflate64",
    93: "Zstandard",
    95: "XZ",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
    99: "AES encryption",
}
_OTHER_KINDS = {b"7z\xbc\xaf": "7z", b"Rar!": "RAR", b"\x28\xb5\x2f\xfd": "Zstandard"}
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_TAR_ENDINGS = {".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz"}
_TRUSTED_RATIO = 100  # pictures are compressed already: an archive of them doesn't grow like that

# what the libraries raise, by where the damage is
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, struct.error, NotImplementedError, ValueError),
)


@dataclass(frozen=True)
class Tree:
    """The files of a folder or archive: `names` relative to it, slashed; `read` returns one's bytes (in any thread)."""

    where: Path
    names: list[str]
    read: Callable[[str], bytes]

    def show(self, name: str) -> str:
        """Return a file's full name, for messages."""
        return printable(f"{self.where}/{name}")


@contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """Open a folder, a zip or a tar; a UserError says what is wrong with it: missing, damaged, unsafe."""
    match kind_of(path):
        case "a folder":
            yield Tree(path, _sorted(_files_under(path)), lambda name: read_bytes(path / name))
        case "a file":
            with (_open_tar if _is_tar(path) else _open_zip)(path) as (names, read):
                yield Tree(path, _sorted(names), read)
        case "":
            raise UserError(f"{printable(path)} does not exist; name a folder or zip that does")
        case kind:
            raise UserError(f"{printable(path)} is {kind}; name a folder, a zip or a tar")


def check_archive(path: Path) -> None:
    """Read all of an archive once; a UserError says what of it is damaged or unsafe."""
    with open_tree(path) as tree:
        for name in tree.names:
            tree.read(name)


def _sorted(names: Iterator[str] | list[str]) -> list[str]:
    return sorted(name for name in names if not is_litter(name) and PurePosixPath(name).name not in _WRITTEN_AGAIN)


def _files_under(top: Path) -> Iterator[str]:
    """Yield the names of all that is no folder, and of folders that can't be entered or lead back up by a link."""
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while waiting:
        folder, above = waiting.pop()
        here = (top / folder).stat()
        identity = (here.st_dev, here.st_ino)
        if identity in above or not os.access(top / folder, os.R_OK | os.X_OK):
            yield folder
            continue
        for entry in os.scandir(top / folder):
            if is_litter(entry.name):
                continue
            if _is_folder(entry):
                waiting.append((f"{folder}{entry.name}/", above | {identity}))
            else:
                yield f"{folder}{entry.name}"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads back to itself
        return False


def _damaged(shown: str, kind: str, reason: object) -> UserError:
    return UserError(f"{shown}: damaged, or not a {kind} archive ({reason}); delete the {kind} and get it again")


@contextmanager
def _damage_reported(shown: str, kind: str) -> Iterator[None]:
    """Raise UserError for what a library raises where an archive is damaged; failures of the disk stay."""
    try:
        yield
    except _DAMAGE as error:
        raise _damaged(shown, kind, error) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(shown, kind, error) from None


# --- zip


@contextmanager
def _open_zip(path: Path) -> Iterator[Opened]:
    """Open a zip; UserError where it is damaged or another kind of archive, or a member is unsafe or can't be read."""
    shown = printable(path)
    with path.open("rb") as file:
        start = file.read(6)
    if kind := next((kind for mark, kind in _OTHER_KINDS.items() if start.startswith(mark)), ""):
        raise UserError(f"{shown} is a {kind} archive, which can't be read here; unpack it and name the folder")
    with _damage_reported(shown, "zip"):
        archive = zipfile.ZipFile(path)
    with archive:
        members = _zip_members(shown, archive.infolist())
        yield list(members), lambda name: _read_zipped(archive, members[name], f"{shown}/{printable(name)}")


def _zip_members(shown: str, infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    # a name with backslashes alone was written on Windows; beside slashes a backslash is part of a name
    windows = not any("/" in info.filename for info in infos)
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        if reason := _danger_of_zipped(info):
            raise UserError(f"{shown}: {info.filename!r} {reason}; nothing was read from it; do not trust it")
        name = info.filename.replace("\\", "/") if windows else info.filename
        if name.endswith("/") or is_litter(name):
            continue
        name = str(PurePosixPath(name))  # without ./ and //
        if reason := _unreadable(info, name in members):
            raise UserError(f"{shown}: {printable(name)} {reason}")
        members[name] = info
    return members


def _danger_of_zipped(info: zipfile.ZipInfo) -> str:
    """Say why a member must not be touched, or nothing."""
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        return "leads outside of the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a symbolic link"
    return "is encrypted" if info.flag_bits & 1 else ""


def _unreadable(info: zipfile.ZipInfo, twice: bool) -> str:
    """Say why a member can't be read, with the remedy, or nothing."""
    if twice:
        return "is in it twice; zip it again"
    if info.compress_type not in _ZIP_METHODS:
        method = _OTHER_METHODS.get(info.compress_type, f"method {info.compress_type}")
        return f"is packed by {method}, which can't be read here; unpack it and name the folder, or zip it again"
    if info.header_offset < 0:
        return f"begins {-info.header_offset} bytes before the file does: damaged; delete the zip and get it again"
    return ""


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, shown: str) -> bytes:
    check_size(info.file_size, shown)
    with _damage_reported(shown, "zip"), archive.open(info) as member:
        data = member.read(MAX_BYTES + 1)
    check_size(len(data), shown)
    return data


# --- tar


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


def _is_tar(path: Path) -> bool:
    """Return whether a file is a tar or something compressed that may hold one, by its first bytes or its ending."""
    with path.open("rb") as file:
        start = file.read(512)
    return start.startswith(_COMPRESSED) or start[257:262] == b"ustar" or path.suffix.lower() in _TAR_ENDINGS


@contextmanager
def _open_tar(path: Path) -> Iterator[Opened]:
    """Open a tar; UserError where it is damaged or a member of it is unsafe."""
    shown = printable(path)
    with path.open("rb") as file, tempfile.TemporaryFile() as unpacked:
        compressed = file.read(6).startswith(_COMPRESSED)
        places: dict[str, tuple[int, int]] = {}  # where in `source` a file begins, and its size
        source: BinaryIO = unpacked if compressed else file
        mode = "r|*" if compressed else "r:"
        with _damage_reported(shown, "tar"), tarfile.open(path, mode, tarinfo=_Member) as archive:  # type: ignore[call-overload]
            for member in archive:
                if name := _safe_name(shown, member):
                    begin = _unpack(archive, member, unpacked, path) if compressed else member.offset_data
                    places[name] = begin, member.size
        source.flush()
        yield list(places), lambda name: _read_tarred(source, *places[name], f"{shown}/{printable(name)}")


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


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, into: BinaryIO, path: Path) -> int:
    """Append a member to a file and return where it begins there; one that is too large to be read is left out."""
    begin = into.seek(0, os.SEEK_END)
    if member.size > MAX_BYTES:
        return begin
    if begin + member.size > _TRUSTED_RATIO * path.stat().st_size + MAX_BYTES:
        raise UserError(f"{printable(path)}: unpacks to more than {_TRUSTED_RATIO} times its size; do not trust it")
    content = archive.extractfile(member)
    assert content is not None  # it is a file
    while piece := content.read(_PIECE):
        into.write(piece)
    return begin


def _read_tarred(source: BinaryIO, begin: int, size: int, shown: str) -> bytes:
    check_size(size, shown)
    data = os.pread(source.fileno(), size, begin)
    if len(data) < size:
        raise _damaged(shown, "tar", f"it ends {size - len(data)} bytes too early")
    return data
