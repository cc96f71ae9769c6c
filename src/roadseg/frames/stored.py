"""Pictures and labels that are decoded once and kept in files that are mapped, named after what they were made from."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from filelock import FileLock
from tqdm import tqdm

from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_image, read_label
from roadseg.frames.unused import remove_unused
from roadseg.pipeline.errors import UserError

_LAYOUT = 4  # of the files; another number makes the older ones unused
_CONTENT = "content.json"  # what else is to be known of the arrays, written last
_ARRAYS = {"images": 3, "labels": 1}  # bytes a pixel
_READ_AHEAD = 256  # frames, so that decoding never runs far ahead of a slow disk

Prepare: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
_Size: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Stored:
    """The pixels of all frames, one frame behind the other, and the sizes of the files that they came from."""

    images: np.ndarray  # (3 P,) uint8 RGB, P pixels in all
    labels: np.ndarray  # (P,) uint8
    sizes: Sequence[_Size]  # height and width of each file
    folder: Path  # whose files the arrays are mapped from


def load_stored(files: Sequence[FrameFiles], recipe: Sequence[object], prepare: Prepare, store: Path) -> Stored:
    """Return all frames as `prepare` makes them of a picture and its label, from `store` where they are there already.

    `recipe` names what `prepare` does. The store's key is made of the files' content and the recipe, so nothing in it
    can be out of date; what is stored is compared with its SHA-256, and made again where it differs. The arrays are
    mapped: processes share their memory, and they may be larger than it. Adding frames deletes cached ones unused for
    30 days. Raises UserError where a file can't be read or the store can't be written.
    """
    folder = store / "frames" / _key(files, recipe)
    with suppress(OSError):  # not there yet, or another user's
        os.utime(folder)
    stored = _open_whole(folder)
    if stored is None:
        with suppress(OSError):
            folder.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(folder.parent, os.W_OK):
            raise UserError(f"{folder.parent} can't be written; set ROADSEG_STORE to a writable folder")
        with FileLock(f"{folder}.lock"):  # another process may be at it
            stored = _open_whole(folder) or _make(folder, files, prepare)
    return stored


def _open_whole(folder: Path) -> Stored | None:
    """Map what the folder holds, read once to compare it with its checksums; None where it isn't there, or damaged."""
    try:
        known = json.loads((folder / _CONTENT).read_text())["sha256"]
        if any(_digest(folder / name) != known[name] for name in _ARRAYS):
            return None
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError):
        return None
    return open_stored(folder)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def open_stored(folder: Path) -> Stored | None:
    """Map what the folder holds, as another process has checked it; None where it isn't there, or cut short."""
    try:
        content = json.loads((folder / _CONTENT).read_text())
        images, labels = (_map(folder / name, n * content["pixels"]) for name, n in _ARRAYS.items())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return Stored(images, labels, [(height, width) for height, width in content["sizes"]], folder)


def _map(file: Path, num_bytes: int) -> np.ndarray:
    if num_bytes == 0:  # an empty file can't be mapped
        return np.empty(0, np.uint8)
    # copy-on-write: torch warns of memory that it must not write to, and no one does
    return np.memmap(file, np.uint8, "c", shape=(num_bytes,))


def _key(files: Sequence[FrameFiles], recipe: Sequence[object]) -> str:
    def digest(file: FrameFiles) -> str:
        return hashlib.sha256(file.image.read_bytes()).hexdigest() + hashlib.sha256(file.label.read_bytes()).hexdigest()

    with ThreadPoolExecutor() as pool:
        content = [_LAYOUT, cv2.__version__, *recipe, *pool.map(digest, files)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _make(folder: Path, files: Sequence[FrameFiles], prepare: Prepare) -> Stored:
    remove_unused(folder.parent)
    temporary = folder.with_name(f".{folder.name}.new")
    for leftover in (temporary, folder):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        temporary.mkdir()
        _write(temporary, files, prepare)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    stored = open_stored(folder)
    assert stored is not None
    return stored


def _write(folder: Path, files: Sequence[FrameFiles], prepare: Prepare) -> None:
    # written, not mapped: a full disk is then an error and not a killed process
    sizes, pixels = [], 0
    digests = {name: hashlib.sha256() for name in _ARRAYS}
    with (folder / "images").open("wb") as images, (folder / "labels").open("wb") as labels:
        for image, label, size in tqdm(_prepared(files, prepare), "frames", len(files), leave=False, disable=None):
            for file, name, array in ((images, "images", image), (labels, "labels", label)):
                file.write(array.data)
                digests[name].update(array.data)
            sizes.append(size)
            pixels += label.size
        for file in (images, labels):  # on the disk before the folder gets its name
            file.flush()
            os.fsync(file.fileno())
    known = {name: digest.hexdigest() for name, digest in digests.items()}
    with (folder / _CONTENT).open("w") as content:
        json.dump({"pixels": pixels, "sizes": sizes, "sha256": known}, content)
        content.flush()
        os.fsync(content.fileno())


def _prepared(files: Sequence[FrameFiles], prepare: Prepare) -> Iterator[tuple[np.ndarray, np.ndarray, _Size]]:
    def load(file: FrameFiles) -> tuple[np.ndarray, np.ndarray, _Size]:
        image, label = read_image(file.image), read_label(file.label)
        return *prepare(image, label), (label.shape[0], label.shape[1])

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), _READ_AHEAD):
            yield from pool.map(load, files[start : start + _READ_AHEAD])
