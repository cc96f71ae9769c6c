"""The frames of a video file, by OpenCV's FFmpeg."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from roadseg.pipeline.errors import UserError, printable

_USUAL_RATE = 25.0  # frames a second, where a file doesn't say
_LOOKED_AT = 4096  # bytes


@dataclass(frozen=True)
class Video:
    """What a video file says of itself."""

    path: Path
    rate: float  # frames a second
    count: int  # of frames, as the file says; 0 where it doesn't


def open_video(path: Path) -> Video:
    """Return what a video file says of itself; UserError where it is none that can be read."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what FFmpeg says is for its developers; read at first use
    if _is_text(path):  # FFmpeg would show it as a screen, or open what is listed in it
        raise _no_video(path)
    capture = _capture(path)
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    capture.release()
    return Video(path, rate if 0 < rate < 1000 else _USUAL_RATE, int(count) if 0 < count < 2**31 else 0)


def frames_of(video: Video, every: int = 1) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number, from 0, and the picture, (H, W, 3) uint8 RGB, of every so manieth frame.

    One is decoded at a time. Raises UserError where the file can't be opened any more.
    """
    capture, number = _capture(video.path), 0
    try:
        while capture.grab():
            if number % every == 0:
                whole, image = capture.retrieve()
                if whole:
                    yield number, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            number += 1
    finally:
        capture.release()


def _capture(path: Path) -> cv2.VideoCapture:
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not capture.isOpened():
        raise _no_video(path)
    return capture


def _is_text(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    return not any(byte < 9 or 13 < byte < 27 for byte in start) and not start.startswith(b"YUV4MPEG2")


def _no_video(path: Path) -> UserError:
    return UserError(
        f"{printable(path)} is no picture by its ending, and no video that FFmpeg reads; convert it to MP4"
    )
