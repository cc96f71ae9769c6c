"""Videos by OpenCV's FFmpeg: their frames one by one, and an MP4 of frames that come one by one."""

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
    """Yield the number, from 0, and the picture, (H, W, 3) uint8 RGB, of every `every`-th frame.

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


class VideoFile:
    """Writes frames of one size as MPEG-4 without sound; the file is playable once it is closed."""

    def __init__(self, path: Path, rate: float) -> None:
        self.path, self.rate, self.count = path, rate, 0
        self.writer: cv2.VideoWriter | None = None

    def add(self, image: np.ndarray) -> None:
        """Write a frame, (H, W, 3) uint8 RGB; UserError where this OpenCV can't.

        A frame of another size than the first one is brought to that size, and odd sides grow by a pixel.
        """
        bottom, right = (side % 2 for side in image.shape[:2])
        even = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)  # MPEG-4 halves the colours' sides
        if self.writer is None:
            self.size = even.shape[1], even.shape[0]
            self.writer = cv2.VideoWriter(
                str(self.path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), self.rate, self.size
            )
            if not self.writer.isOpened():
                raise UserError(
                    f"{printable(self.path)} can't be begun by this OpenCV; install the one in requirements.txt"
                )
        even = even if (even.shape[1], even.shape[0]) == self.size else cv2.resize(even, self.size)
        self.writer.write(cv2.cvtColor(even, cv2.COLOR_RGB2BGR))
        self.count += 1

    def close(self) -> None:
        """End the file; UserError where it did not become whole, as on a full disk, of which OpenCV says nothing."""
        if self.writer is None:
            return
        self.writer.release()
        capture = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        written = capture.get(cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
        if written != self.count:
            raise UserError(f"{printable(self.path.parent)}: the video could not be written whole; free some space")
