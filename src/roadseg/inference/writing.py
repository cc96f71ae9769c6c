"""What is written of frames and their class maps: pictures in three folders, or one video."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

import cv2
import numpy as np

from roadseg.frames.classes import ClassSet, colorize
from roadseg.frames.images import write_image
from roadseg.inference.reading import Frame
from roadseg.inference.video import VideoFile
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.stage import replacing


@dataclass(frozen=True)
class Output:
    """Takes frames with their class maps, (H, W) uint8 at the frames' own sizes, in up to that many threads."""

    write: Callable[[Frame, np.ndarray], None]
    threads: int | None  # None: as many as Python finds good


def picture_paths(out: Path, name: PurePath) -> list[Path]:
    """Return where in `out` the class map, the colours and the overlay of a picture go."""
    return [out / "grey" / f"{name}.png", out / "color" / f"{name}.png", out / "overlay" / f"{name}.jpg"]


def pictures_in(out: Path, classes: ClassSet, strength: float) -> Output:
    """Return what writes each frame's class map, colours and overlay of that strength, 0 to 1, into a folder."""

    def write(frame: Frame, class_ids: np.ndarray) -> None:
        colors = colorize(class_ids, classes)
        pictures = class_ids, colors, overlay(frame.image, colors, strength)
        for path, picture in zip(picture_paths(out, frame.name), pictures, strict=True):
            with replacing(path) as temporary:
                write_image(temporary, picture)

    return Output(write, None)


@contextmanager
def video_at(path: Path, rate: float, classes: ClassSet, strength: float) -> Iterator[Output]:
    """Yield what writes the frames' overlays into an MP4 of so many frames a second, whole at the end or not at all."""
    with replacing(path) as temporary:
        film = VideoFile(temporary, rate)

        def write(frame: Frame, class_ids: np.ndarray) -> None:
            film.add(overlay(frame.image, colorize(class_ids, classes), strength))

        yield Output(write, 1)  # one thread: frames stay in their order
        film.close()


def overlay(image: np.ndarray, colors: np.ndarray, strength: float) -> np.ndarray:
    """Lay colours over a picture, both (H, W, 3) uint8; at strength 0 the picture is left, at 1 the colours."""
    return cv2.addWeighted(image, 1 - strength, colors, strength, 0)


def refuse_existing(targets: Iterable[Path], sources: Iterable[Path], force: bool) -> None:
    """Raise a UserError where something would be overwritten that was not to be: a source never is."""
    there = [path for path in targets if path.exists()]
    if there and not force:
        raise UserError(f"{printable(there[0])} is there already; overwrite it with --force, or name another --out")
    read = {path.resolve() for path in sources} if there else set()
    if own := next((path for path in there if path.resolve() in read), None):
        raise UserError(f"{printable(own)} is itself read, and would be overwritten; name another --out")
