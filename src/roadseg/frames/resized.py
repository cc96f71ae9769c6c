"""Frames and labels at the network's input size, decoded and resized once, and kept in files that are mapped."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import cv2
import numpy as np
from filelock import FileLock
from tqdm import tqdm

from roadseg.errors import UserError
from roadseg.frames.files import FrameFiles
from roadseg.frames.resizing import resize_picture
from roadseg.images import read_image, read_label
from roadseg.specs import Input

_LAYOUT = 2  # of the files; another number makes the older ones unused
_KEPT_SECONDS = 30 * 24 * 3600  # after its last use
_READ_AHEAD = 256  # frames, so that decoding never runs far ahead of a slow disk


@dataclass(frozen=True)
class Frames:
    """N frames of one size, and the sizes that they had."""

    images: np.ndarray  # (N, H, W, 3) uint8 RGB
    labels: np.ndarray  # (N, H, W) uint8
    sizes: Sequence[tuple[int, int]]  # height and width of each file
    folder: Path | None = None  # whose files the arrays are mapped from

    def __len__(self) -> int:
        return len(self.images)

    def __reduce__(self) -> tuple[Callable[..., "Frames | None"], tuple[Any, ...]]:
        # a process that gets the frames handed over maps the files too, instead of receiving what is in them
        if self.folder:
            return _mapped, (self.folder,)
        return Frames, (self.images, self.labels, self.sizes)


def load_frames(files: Sequence[FrameFiles], target: Input, training: bool, store: Path) -> Frames:
    """Return all frames at the input size, from `store` where the same ones are there already.

    Pictures are resized by `target.resize`: `linear`, `area` (along a side that shrinks each output pixel is the mean
    of what it covers, along one that grows it is linear), or `study` (nearest for training, linear for testing). Labels
    are resized by nearest neighbour, pixel centre to pixel centre.

    The store's key is made of the files' content, the size and the rule, so nothing in it can be out of date. The
    arrays are mapped: processes share their memory, and they may be larger than it. Adding frames deletes cached ones
    unused for 30 days. Raises UserError where a file can't be read or the store can't be written.
    """
    height, width, resize = target.height, target.width, _interpolation(target.resize, training)
    folder = store / "frames" / _key(files, height, width, resize)
    with suppress(OSError):  # not there yet, or another user's
        os.utime(folder)
    frames = _mapped(folder)
    if frames is None:
        with suppress(OSError):
            folder.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(folder.parent, os.W_OK):
            raise UserError(f"{folder.parent} can't be written; set ROADSEG_STORE to a writable folder")
        with FileLock(f"{folder}.lock"):  # another process may be at it
            frames = _mapped(folder) or _write(files, height, width, resize, folder)
    return frames


def _interpolation(rule: str, training: bool) -> str:
    if rule == "study":
        return "nearest" if training else "linear"
    return rule


def _key(files: Sequence[FrameFiles], height: int, width: int, resize: str) -> str:
    def digest(file: FrameFiles) -> str:
        return hashlib.sha256(file.image.read_bytes()).hexdigest() + hashlib.sha256(file.label.read_bytes()).hexdigest()

    with ThreadPoolExecutor() as pool:
        content = [_LAYOUT, cv2.__version__, height, width, resize, *pool.map(digest, files)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _mapped(folder: Path) -> Frames | None:
    """What the folder holds; None where it isn't there, or was cut short by a power failure."""
    try:
        sizes = [(height, width) for height, width in json.loads((folder / "sizes.json").read_text())]
        # copy-on-write: torch warns of memory that it must not write to, and no one does; an empty file can't be mapped
        mode: Literal["c"] | None = "c" if sizes else None
        images, labels = (np.load(folder / f"{name}.npy", mmap_mode=mode) for name in ("images", "labels"))
    except (FileNotFoundError, NotADirectoryError, ValueError, EOFError):
        return None
    return Frames(images, labels, sizes, folder)


def _write(files: Sequence[FrameFiles], height: int, width: int, resize: str, folder: Path) -> Frames:
    def load(file: FrameFiles) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        image, label = read_image(file.image), read_label(file.label)
        return (
            resize_picture(image, height, width, resize),
            cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST_EXACT),
            (label.shape[0], label.shape[1]),
        )

    def load_all() -> Iterator[tuple[np.ndarray, np.ndarray, tuple[int, int]]]:
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(files), _READ_AHEAD):
                yield from pool.map(load, files[start : start + _READ_AHEAD])

    _remove_unused(folder.parent)
    temporary = folder.with_name(f".{folder.name}.new")
    for leftover in (temporary, folder):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        temporary.mkdir()
        progress = tqdm(load_all(), "frames", len(files), leave=False, disable=None)
        sizes = _write_arrays(temporary, progress, (len(files), height, width))
        (temporary / "sizes.json").write_text(json.dumps(sizes))
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    frames = _mapped(folder)
    assert frames is not None
    return frames


def _write_arrays(
    folder: Path, loaded: Iterable[tuple[np.ndarray, np.ndarray, tuple[int, int]]], shape: tuple[int, int, int]
) -> list[tuple[int, int]]:
    # written, not mapped: a full disk is then an error and not a killed process
    sizes = []
    with (folder / "images.npy").open("wb") as images, (folder / "labels.npy").open("wb") as labels:
        _write_header(images, (*shape, 3))
        _write_header(labels, shape)
        for image, label, size in loaded:
            images.write(image.data)
            labels.write(label.data)
            sizes.append(size)
    return sizes


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _remove_unused(folder: Path) -> None:
    oldest = time.time() - _KEPT_SECONDS
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process may tidy up as well
            if path.is_dir() and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
                path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
