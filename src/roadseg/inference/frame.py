"""The frames of a source, read in threads and ready for the network; or why there is none."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import PurePath

import numpy as np

from roadseg.frames.images import resize_picture
from roadseg.inference.ahead import in_order
from roadseg.inference.finding import Found
from roadseg.inference.pictures import read_picture
from roadseg.inference.video import Video, frames_of
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.sections import Input

_AHEAD = 8  # frames at most that wait for the network


@dataclass(frozen=True)
class Frame:
    """A frame under the name that it has in its source."""

    name: PurePath
    image: np.ndarray  # (H, W, 3) uint8 RGB
    small: np.ndarray  # the same at the network's input size


@dataclass(frozen=True)
class Broken:
    """A frame that can't be read, and why in one line."""

    reason: str


def read_pictures(found: Iterable[Found], target: Input) -> Iterator[Frame | Broken]:
    """Yield the pictures in their order, decoded and brought to the input size in threads, a few ahead."""
    with ThreadPoolExecutor() as pool:
        yield from in_order(pool, (partial(_load, picture, target) for picture in found), _AHEAD)


def read_video(video: Video, every: int, target: Input) -> Iterator[Frame | Broken]:
    """Yield every so manieth frame of a video, named by its number, decoded in a thread, a few ahead.

    Where fewer frames can be decoded than the file says that it has, the last one is broken. Raises UserError where
    the file can't be opened any more.
    """
    frames, last = frames_of(video, every), -1

    def load() -> Frame | None:
        number, image = next(frames, (0, None))
        return None if image is None else _prepare(PurePath(f"{number:06d}"), image, target)

    with ThreadPoolExecutor(1) as pool:
        for frame in in_order(pool, repeat(load), _AHEAD):
            if frame is None:
                break
            last = int(frame.name.name)
            yield frame
    if last + every < video.count:
        yield Broken(f"{printable(video.path)}: no frame after number {last} can be read, of {video.count}")


def _load(found: Found, target: Input) -> Frame | Broken:
    try:
        return _prepare(found.name, read_picture(found.path), target)
    except UserError as error:
        return Broken(str(error).rpartition(";")[0])  # the remedy there is for data sets
    except (OSError, ValueError) as error:  # the second: a path that no file can have
        return Broken(f"{printable(found.path)}: {getattr(error, 'strerror', None) or error}")


def _prepare(name: PurePath, image: np.ndarray, target: Input) -> Frame:
    rule = "linear" if target.resize == "study" else target.resize  # as in testing
    return Frame(name, image, resize_picture(image, target.height, target.width, rule))
