"""Predictions of pictures and of videos, written as they come.

A frame that can't be read is named and passed over. `engine_of` loads the network, once all else has been looked at.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from roadseg.frames.classes import ClassSet, colorize
from roadseg.inference.ahead import in_order
from roadseg.inference.finding import Found
from roadseg.inference.frame import Broken, Frame, read_pictures, read_video
from roadseg.inference.overlays import overlay, picture_paths, write_pictures
from roadseg.inference.predicting import Predicted, predict_frames
from roadseg.inference.summary import Row, Summary, shares_of
from roadseg.inference.trained import Trained
from roadseg.inference.video import Video
from roadseg.inference.video_file import VideoFile
from roadseg.networks.prediction import Engine
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.stage import replacing

SUMMARY = "summary.csv"
WRITTEN_BEHIND = 16  # predictions at most that wait to be written


def predict_pictures(
    found: Sequence[Found], strength: float, trained: Trained, engine_of: Callable[[], Engine], out: Path, force: bool
) -> int:
    """Write the class map, the colours and the overlay of each picture; return how many could not be read.

    Raises UserError where a file is there already and `force` isn't given, or where none could be read.
    """
    targets = [out / SUMMARY, *(path for one in found for path in picture_paths(out, one.name))]
    refuse_existing(targets, [one.path for one in found], force)
    frames = read_pictures(found, trained.params.input)
    write = partial(write_frame, out, strength, trained.classes)
    return predict_all(frames, len(found), trained, engine_of, write, ThreadPoolExecutor(), out)


def write_frame(out: Path, strength: float, classes: ClassSet, frame: Frame, class_ids: np.ndarray) -> None:
    """Write the class map, (H, W) uint8 at the frame's own size, its colours and the overlay."""
    colors = colorize(class_ids, classes)
    write_pictures(picture_paths(out, frame.name), frame.image, class_ids, colors, strength, replacing)


def predict_video(
    video: Video, every: int, strength: float, trained: Trained, engine_of: Callable[[], Engine], out: Path, force: bool
) -> int:
    """Write the frames of a video with their classes laid over them; return 1 where it breaks off.

    Raises UserError as `predict_pictures` does.
    """
    target = out / f"{video.path.stem}.mp4"
    refuse_existing([out / SUMMARY, target], [video.path], force)
    frames, total = read_video(video, every, trained.params.input), -(-video.count // every)
    with replacing(target) as temporary:
        film = VideoFile(temporary, video.rate / every)

        def write(frame: Frame, class_ids: np.ndarray) -> None:
            film.add(overlay(frame.image, colorize(class_ids, trained.classes), strength))

        in_their_order = ThreadPoolExecutor(1)
        broken = predict_all(frames, total, trained, engine_of, write, in_their_order, out)
        film.close()
    print(f"{target}: the frames with their classes, without sound")
    return broken


def predict_all(
    frames: Iterable[Frame | Broken],
    total: int,
    trained: Trained,
    engine_of: Callable[[], Engine],
    write: Callable[[Frame, np.ndarray], None],
    writers: ThreadPoolExecutor,
    out: Path,
) -> int:
    """Predict and write all frames, and the table of what is in them; return how many could not be read.

    `write` takes a frame and its class map, (H, W) uint8 at the frame's own size, and runs in the threads of `writers`.
    Raises UserError where none could be read.
    """
    how, classes, engine = trained.params.predict, trained.classes, engine_of()
    with (
        replacing(out / SUMMARY) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
        tqdm(total=total or None, desc="predict", unit="frame", leave=False, disable=None) as progress,
        writers,
    ):
        summary, broken = Summary(file, classes.names), 0
        predicted = predict_frames(engine, frames, how.batch_size, how.upsampling)
        for row in in_order(writers, (partial(row_of, write, len(classes), one) for one in predicted), WRITTEN_BEHIND):
            if isinstance(row, Broken):
                broken += 1
                progress.write(f"passed over: {row.reason}", file=sys.stderr)
            else:
                summary.add(*row)
            progress.update()
        if not summary.count:
            raise UserError("no frame could be read, so nothing is written")
    print(f"predicted {summary.count} frame{'s' if summary.count > 1 else ''} into {out}")
    return broken


def row_of(write: Callable[[Frame, np.ndarray], None], num_classes: int, one: Predicted | Broken) -> Row | Broken:
    """Write what is predicted of a frame, and return its row of the table; what is broken comes back as it is.

    `write` takes the frame and its class map, (H, W) uint8 at the frame's own size.
    """
    if isinstance(one, Broken):
        return one
    write(one.frame, one.classes)
    return one.frame.name, one.confidence, shares_of(one.classes, num_classes)


def refuse_existing(targets: Iterable[Path], sources: Iterable[Path], force: bool) -> None:
    """Raise a UserError where something would be overwritten that was not to be: a source never is."""
    there = [path for path in targets if path.exists()]
    if there and not force:
        raise UserError(f"{printable(there[0])} is there already; overwrite it with --force, or name another --out")
    read = {path.resolve() for path in sources} if there else set()
    if own := next((path for path in there if path.resolve() in read), None):
        raise UserError(f"{printable(own)} is itself read, and would be overwritten; name another --out")
