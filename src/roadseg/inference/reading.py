"""The frames of a source, read in threads beside the network and ready for it; or why one can't be read."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import PurePath
from typing import TypeVar

import numpy as np

from roadseg.frames.images import resize_picture
from roadseg.frames.store import resize_rule
from roadseg.inference.pictures import PictureFile, read_picture
from roadseg.inference.video import Video, frames_of
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.sections import Input

_READ_AHEAD = 8  # frames at most that wait for the network
Result = TypeVar("Result")


@dataclass(frozen=True)
class Frame:
    """A frame under the name that it has in its source."""

    name: PurePath
    image: np.ndarray  # (H, W, 3) uint8 RGB
    small: np.ndarray  # the same at the network's input size


@dataclass(frozen=True)
class Unreadable:
    """A frame that can't be read, and why in one line."""

    reason: str


def read_pictures(files: Iterable[PictureFile], target: Input) -> Iterator[Frame | Unreadable]:
    """Yield the pictures in their order, decoded and brought to the input size in threads, a few ahead."""
    with ThreadPoolExecutor() as pool:
        yield from in_order(pool, (partial(_read, file, target) for file in files), _READ_AHEAD)


def read_video(video: Video, every: int, target: Input) -> Iterator[Frame | Unreadable]:
    """Yield every `every`-th frame of a video, named by its number, decoded in a thread, a few ahead.

    Where fewer frames can be decoded than the file says that it has, the last one is unreadable. Raises UserError where
    the file can't be opened any more.
    """
    frames, last = frames_of(video, every), -1

    def read() -> Frame | None:
        number, image = next(frames, (0, None))
        return None if image is None else _prepared(PurePath(f"{number:06d}"), image, target)

    with ThreadPoolExecutor(1) as pool:
        for frame in in_order(pool, repeat(read), _READ_AHEAD):
            if frame is None:
                break
            last = int(frame.name.name)
            yield frame
    if last + every < video.count:
        yield Unreadable(f"{printable(video.path)}: no frame after number {last} can be read, of {video.count}")


def _read(file: PictureFile, target: Input) -> Frame | Unreadable:
    try:
        return _prepared(file.name, read_picture(file.path), target)
    except UserError as error:
        return Unreadable(str(error).rpartition(";")[0])  # the remedy there is for data sets
    except (OSError, ValueError) as error:  # the second: a path that no file can have
        return Unreadable(f"{printable(file.path)}: {getattr(error, 'strerror', None) or error}")


def _prepared(name: PurePath, image: np.ndarray, target: Input) -> Frame:
    rule = resize_rule(target.resize, training=False)
    return Frame(name, image, resize_picture(image, target.height, target.width, rule))


def in_order(pool: Executor, jobs: Iterable[Callable[[], Result]], most: int) -> Iterator[Result]:
    """Run jobs in the pool and yield what they return, in their order; at most `most` are begun and not yet taken.

    So what waits in memory doesn't grow with their number. An exception of a job is raised in its turn.
    """
    waiting: deque[Future[Result]] = deque()
    for job in jobs:
        waiting.append(pool.submit(job))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
