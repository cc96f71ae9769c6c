"""The pictures that a source names: a picture, a folder, a glob or a list of paths; and how one is read."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import cv2
import numpy as np

from roadseg.frames.headers import is_checked_kind, read_header
from roadseg.frames.images import decode_image, is_litter, kind_of, read_bytes
from roadseg.pipeline.errors import UserError, printable

ENDINGS = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_SOURCES = "a picture, a folder, a glob or a video, or - for a list"


@dataclass(frozen=True)
class PictureFile:
    """A picture's path, and the name of what is made of it: a relative path without an ending."""

    path: Path
    name: PurePath


def is_video(source: str) -> bool:
    """Return whether a source is a file that isn't called like a picture; UserError for a broken link."""
    return source != "-" and kind_of(Path(source)) == "a file" and not _is_picture(Path(source))


def find_pictures(source: str, listed: Iterable[bytes], out: Path) -> list[PictureFile]:
    """Return the pictures that a source names, in the order of their paths, those in the folder `out` left out.

    `listed` are the lines that are read for the source `-`, whose order stays. Names are relative to the folder, or to
    the folder around all pictures of a glob or list. Raises UserError where there is no picture.
    """
    if source == "-":
        return _named(_listed(listed))
    if not source.strip():
        raise UserError(f"SOURCE is empty; name {_SOURCES}")
    path, shown = Path(source), printable(source)
    kind = kind_of(path)
    if kind == "a file":
        return _named([path])
    if kind == "a folder":
        return _named(_some(_below(path, out.resolve()), f"{shown} and its subfolders hold"), path)
    if kind:
        raise UserError(f"{shown} is {kind}; name {_SOURCES}")
    if not glob.has_magic(source):
        raise UserError(f"{shown}: no such file or folder; check the path")
    matches = map(Path, glob.glob(source, recursive=True))  # noqa: PTH207  # Path.glob takes no absolute one
    return _named(_some(filter(_is_picture, matches), f"{shown} matches"))


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


def _some(paths: Iterable[Path], where: str) -> list[Path]:
    if not (found := sorted(paths)):
        raise UserError(f"{where} no picture ({', '.join(ENDINGS)}); name another place, or a video")
    return found


def _named(paths: Sequence[Path], folder: Path | None = None) -> list[PictureFile]:
    """Name pictures by their paths without endings, except where two differ by nothing else."""
    full = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  # resolve() would follow links
    base = Path(os.path.abspath(folder) if folder else os.path.commonpath([path.parent for path in full]))  # noqa: PTH100
    relative = [path.relative_to(base) for path in full]
    often = Counter(path.with_suffix("") for path in relative)
    names = [path if often[path.with_suffix("")] > 1 else path.with_suffix("") for path in relative]
    if double := [name for name, times in Counter(names).items() if times > 1]:
        raise UserError(
            f"{printable(double[0])} would be the name of two predictions; predict them one after the other"
        )
    return [PictureFile(path, name) for path, name in zip(paths, names, strict=True)]


def read_picture(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, turned as its EXIF data asks; UserError where it can't be read.

    PNG and JPEG are read as the stages read them; other kinds are left to OpenCV.
    """
    name, data = printable(path), read_bytes(path)
    if not is_checked_kind(data) and (image := _decoded(data)) is not None:
        return image
    picture = read_header(data, name)
    if picture.kind == "JPEG" and picture.turned and (image := _decoded(data)) is not None:
        return image
    return decode_image(picture, name)


def _decoded(data: bytes) -> np.ndarray | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # of an empty file, too
        return None
