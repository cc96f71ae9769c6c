"""Read files by name from a folder or straight from a zip, the same way, and never outside of it."""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from roadseg.errors import UserError

# what zipfile raises for a damaged archive, by where the damage is
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, UnicodeDecodeError)

# left behind by desktops, and the two text files of the seg_data layout, which are written again
_IGNORED = {"__MACOSX", "Thumbs.db", "desktop.ini", "colors.txt", "names.txt"}


@dataclass(frozen=True)
class Tree:
    """The files of a folder or zip: `names` relative to it, slashed; `read` returns a file's bytes (in any thread)."""

    where: Path
    names: list[str]
    read: Callable[[str], bytes]

    def show(self, name: str) -> str:
        """Return a file's full name, for messages."""
        return f"{self.where}/{name}"


@contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """Open a folder or a zip; a UserError says what is wrong with it: missing, damaged, unsafe."""
    if path.is_dir():
        yield Tree(path, _files_under(path), lambda name: (path / name).read_bytes())
    elif path.exists():
        with _open_zip(path) as archive:
            yield Tree(path, _member_names(path, archive), partial(_read_member, path, archive))
    else:
        raise UserError(f"{path} does not exist; name a folder or zip that does")


def _files_under(folder: Path) -> list[str]:
    files = (Path(at, name) for at, _, names in os.walk(folder, followlinks=True) for name in names)
    return sorted(name for file in files if _wanted(name := file.relative_to(folder).as_posix()))


def _wanted(name: str) -> bool:
    return not any(part in _IGNORED or part.startswith(".") for part in PurePosixPath(name).parts)


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise _damaged(path, error) from None


def _member_names(path: Path, archive: zipfile.ZipFile) -> list[str]:
    members = archive.infolist()
    for member in members:
        if reason := _danger(member):
            raise UserError(f"{path}: {member.filename!r} {reason}; nothing was read from it; do not trust it")
    return sorted(member.filename for member in members if not member.is_dir() and _wanted(member.filename))


def _danger(member: zipfile.ZipInfo) -> str:
    """Say why a member must not be touched, or nothing."""
    name = member.filename.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        return "leads outside of the archive"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a symbolic link"
    if member.flag_bits & 1:
        return "is encrypted"
    return ""


def _read_member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except _DAMAGE as error:
        raise _damaged(Path(path, name), error) from None


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: damaged, or not a zip archive ({error}); delete the zip and get it again")
