"""Decoded frames, resized or whole, in a cache of mapped files that are named after what they were made from."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from filelock import FileLock
from tqdm import tqdm

from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_image, read_label, resize_label, resize_picture
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Input

_LAYOUT = 4  # of the files; with another number older ones are never found again, and evicted
_CONTENT = "content.json"  # what else is to be known of the arrays, written last
_ARRAYS = {"images": 3, "labels": 1}  # bytes a pixel
_READ_AHEAD = 256  # frames, so that decoding never runs far ahead of a slow disk
_EVICTED_AFTER = 30 * 24 * 3600  # seconds without use

Size: TypeAlias = tuple[int, int]  # height, width
Prepare: TypeAlias = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Cached:
    """The pixels of all frames, one frame behind the other, and the sizes of the files that they came from."""

    images: np.ndarray  # (3 P,) uint8 RGB, P pixels in all
    labels: np.ndarray  # (P,) uint8
    sizes: Sequence[Size]
    folder: Path  # whose files the arrays are mapped from


@dataclass(frozen=True)
class Frames:
    """N frames of one size, and the sizes that they had in their files."""

    images: np.ndarray  # (N, H, W, 3) uint8 RGB
    labels: np.ndarray  # (N, H, W) uint8
    sizes: Sequence[Size]
    folder: Path | None = None  # whose files the arrays are mapped from

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.labels.shape[1], self.labels.shape[2]

    def sample(self, index: int, _key: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a picture (H, W, 3) and its label (H, W); nothing is drawn."""
        return self.images[index], self.labels[index]

    def __reduce__(self) -> tuple[Callable[..., "Frames | None"], tuple[Any, ...]]:
        # a process that gets the frames handed over maps the files too, instead of receiving what is in them
        if self.folder:
            return _reopened_frames, (self.folder, *self.size)
        return Frames, (self.images, self.labels, self.sizes)


class WholeFrames:
    """N frames at the sizes of their files; `frames[i]` is a picture (H, W, 3) uint8 RGB and its label (H, W) uint8."""

    def __init__(self, cached: Cached) -> None:
        self.sizes, self.folder, self._cached = cached.sizes, cached.folder, cached
        self._starts = list(accumulate((height * width for height, width in cached.sizes), initial=0))  # pixels

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        size, start, end = self.sizes[index], *self._starts[index : index + 2]
        # plain arrays: slicing a memmap takes four times as long
        image, label = np.asarray(self._cached.images), np.asarray(self._cached.labels)
        return image[3 * start : 3 * end].reshape(*size, 3), label[start:end].reshape(size)

    def __reduce__(self) -> tuple[Callable[..., "WholeFrames | None"], tuple[Any, ...]]:
        return _reopened_whole_frames, (self.folder,)


def load_frames(files: Sequence[FrameFiles], target: Input, training: bool, store: Path) -> Frames:
    """Return all frames at the input size, from the cache in `store` as `load_cached` says.

    Pictures are resized by `target.resize`: `linear`, `area` (along a side that shrinks each output pixel is the mean
    of what it covers, along one that grows it is linear), or `study` (nearest for training, linear for testing). Labels
    are resized by nearest neighbour, pixel centre to pixel centre. Raises UserError as `load_cached` does.
    """
    height, width, rule = target.height, target.width, resize_rule(target.resize, training)

    def resize(image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return resize_picture(image, height, width, rule), resize_label(label, height, width)

    return _resized(load_cached(files, ["resized", height, width, rule], resize, store), height, width)


def load_whole_frames(files: Sequence[FrameFiles], store: Path) -> WholeFrames:
    """Return all frames at the size of their files, from the cache in `store`; UserError as of `load_cached`."""
    return WholeFrames(load_cached(files, ["whole"], lambda image, label: (image, label), store))


def resize_rule(resize: str, training: bool) -> str:
    """Return what `input.resize` means for frames to train on, and for all others: `nearest`, `linear` or `area`."""
    if resize != "study":
        return resize
    return "nearest" if training else "linear"


def load_cached(files: Sequence[FrameFiles], recipe: Sequence[object], prepare: Prepare, store: Path) -> Cached:
    """Return all frames as `prepare` makes them of a picture and its label, from `store` where they are there already.

    `recipe` names what `prepare` does. The cache's key is made of the files' content and the recipe, so nothing in it
    can be out of date; what is cached is compared with its SHA-256, and made again where it differs. The arrays are
    mapped: processes share their memory, and they may be larger than it. Adding frames evicts those that nothing has
    used for 30 days. Raises UserError where a file can't be read or the store can't be written.
    """
    folder = store / "frames" / _key(files, recipe)
    with suppress(OSError):  # not there yet, or another user's
        os.utime(folder)
    cached = _opened(folder, verify=True)
    if cached is None:
        with suppress(OSError):
            folder.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(folder.parent, os.W_OK):
            raise UserError(f"{folder.parent} can't be written; set ROADSEG_STORE to a writable folder")
        with FileLock(f"{folder}.lock"):  # another process may be at it
            cached = _opened(folder, verify=True) or _made(folder, files, prepare)
    return cached


def evict_old(cache: Path) -> None:
    """Remove the folders in the folder `cache` that nothing has touched for 30 days, and their locks."""
    oldest = time.time() - _EVICTED_AFTER
    for path in cache.iterdir():
        with suppress(FileNotFoundError):  # another process may evict as well
            if path.is_dir() and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)
                path.with_name(f"{path.name}.lock").unlink(missing_ok=True)


def _key(files: Sequence[FrameFiles], recipe: Sequence[object]) -> str:
    def digests(file: FrameFiles) -> str:
        return "".join(hashlib.sha256(path.read_bytes()).hexdigest() for path in (file.image, file.label))

    with ThreadPoolExecutor() as pool:
        content = [_LAYOUT, cv2.__version__, *recipe, *pool.map(digests, files)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _opened(folder: Path, verify: bool = False) -> Cached | None:
    """Map what the folder holds; None where it isn't there, cut short or, if that is to be verified, damaged."""
    try:
        content = json.loads((folder / _CONTENT).read_text())
        if verify and any(_digest(folder / name) != content["sha256"][name] for name in _ARRAYS):
            return None
        images, labels = (_map(folder / name, n * content["pixels"]) for name, n in _ARRAYS.items())
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError):
        return None
    return Cached(images, labels, [(height, width) for height, width in content["sizes"]], folder)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _map(file: Path, num_bytes: int) -> np.ndarray:
    if num_bytes == 0:  # an empty file can't be mapped
        return np.empty(0, np.uint8)
    # copy-on-write: torch warns of memory that it must not write to, and no one does
    return np.memmap(file, np.uint8, "c", shape=(num_bytes,))


def _made(folder: Path, files: Sequence[FrameFiles], prepare: Prepare) -> Cached:
    evict_old(folder.parent)
    temporary = folder.with_name(f".{folder.name}.new")
    for leftover in (temporary, folder):  # of a process that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        temporary.mkdir()
        _write(temporary, files, prepare)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    cached = _opened(folder)
    assert cached is not None
    return cached


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


def _prepared(files: Sequence[FrameFiles], prepare: Prepare) -> Iterator[tuple[np.ndarray, np.ndarray, Size]]:
    def load(file: FrameFiles) -> tuple[np.ndarray, np.ndarray, Size]:
        image, label = read_image(file.image), read_label(file.label)
        return *prepare(image, label), (label.shape[0], label.shape[1])

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(files), _READ_AHEAD):
            yield from pool.map(load, files[start : start + _READ_AHEAD])


def _resized(cached: Cached, height: int, width: int) -> Frames:
    shape = len(cached.sizes), height, width
    return Frames(cached.images.reshape(*shape, 3), cached.labels.reshape(shape), cached.sizes, cached.folder)


def _reopened_frames(folder: Path, height: int, width: int) -> Frames | None:
    cached = _opened(folder)
    return _resized(cached, height, width) if cached else None


def _reopened_whole_frames(folder: Path) -> WholeFrames | None:
    cached = _opened(folder)
    return WholeFrames(cached) if cached else None
