"""Which pictures a source names: a picture, a folder, a glob or a list of paths. A video is the one other source."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from roadseg.frames.images import is_litter, kind_of
from roadseg.pipeline.errors import UserError, printable

ENDINGS = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Found:
    """A picture's path, and the name of what is made of it: a relative path without an ending."""

    path: Path
    name: PurePath


def is_video(source: str) -> bool:
    """Return whether a source is a file that isn't called like a picture; UserError for a broken link."""
    return source != "-" and kind_of(Path(source)) == "a file" and not _is_picture(Path(source))


def find_pictures(source: str, listed: Iterable[bytes], out: Path) -> list[Found]:
    """Return the pictures that a source names, in the order of their paths, those in the folder `out` left out.

    `listed` are the lines that are read for the source `-`, whose order stays. Names are relative to the folder, or to
    the folder around all pictures of a glob or list. Raises UserError where there is no picture.
    """
    if source == "-":
        return _named(_listed(listed))
    if not source.strip():
        raise UserError("SOURCE is empty; name a picture, a folder, a glob or a video, or - for a list")
    match kind_of(Path(source)):
        case "a folder":
            paths = sorted(_below(Path(source), out.resolve()))
            return _named(_some(paths, f"{printable(source)} and its subfolders hold"), Path(source))
        case "a file":
            return _named([Path(source)])
        case "":
            return _named(_globbed(source))
        case kind:
            raise UserError(
                f"{printable(source)} is {kind}; name a picture, a folder, a glob or a video, or - for a list"
            )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def _listed(lines: Iterable[bytes]) -> list[Path]:
    texts = [os.fsdecode(line.rstrip(b"\r\n")) for line in lines]
    paths = list(dict.fromkeys(Path(text) for text in texts if text.strip()))
    if not paths:
        raise UserError("the list on the standard input is empty; write the path of a picture on each line")
    return paths


def _below(folder: Path, out: Path) -> Iterator[Path]:
    def stop(error: OSError) -> None:
        raise error

    for root, folders, files in os.walk(folder, onerror=stop):
        folders[:] = [name for name in folders if not is_litter(name) and Path(root, name).resolve() != out]
        yield from (Path(root, name) for name in files if _is_picture(Path(name)) and not is_litter(name))


def _globbed(source: str) -> list[Path]:
    if not glob.has_magic(source):
        raise UserError(f"{printable(source)}: no such file or folder; check the path")
    paths = [Path(match) for match in glob.glob(source, recursive=True)]  # noqa: PTH207  # Path.glob takes no absolute one
    return _some(sorted(path for path in paths if _is_picture(path)), f"{printable(source)} matches")


def _some(paths: list[Path], where: str) -> list[Path]:
    if not paths:
        raise UserError(f"{where} no picture ({', '.join(ENDINGS)}); name another place, or a video")
    return paths


def _named(paths: Sequence[Path], folder: Path | None = None) -> list[Found]:
    """Names without endings, except where two pictures differ by nothing else."""
    full = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  # resolve() would follow links
    base = Path(os.path.abspath(folder) if folder else os.path.commonpath([path.parent for path in full]))  # noqa: PTH100
    relative = [path.relative_to(base) for path in full]
    often = Counter(path.with_suffix("") for path in relative)
    names = [path if often[path.with_suffix("")] > 1 else path.with_suffix("") for path in relative]
    if double := [name for name, times in Counter(names).items() if times > 1]:
        raise UserError(
            f"{printable(double[0])} would be the name of two predictions; predict them one after the other"
        )
    return [Found(path, name) for path, name in zip(paths, names, strict=True)]
