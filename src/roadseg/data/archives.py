"""Read files by name from a folder, a zip or a tar, the same way, and never outside of it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from roadseg.data.tars import is_tar, open_tar
from roadseg.data.zips import open_zip
from roadseg.frames.images import is_litter, kind_of, read_bytes
from roadseg.pipeline.errors import UserError, printable

# the two text files of the seg_data layout, which are written again
_WRITTEN_AGAIN = {"colors.txt", "names.txt"}


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
        case "a file" if is_tar(path):
            with open_tar(path) as (names, read):
                yield Tree(path, _sorted(names), read)
        case "a file":
            with open_zip(path) as (names, read):
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
