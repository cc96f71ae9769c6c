"""An MP4 of frames that come one by one."""

from pathlib import Path

import cv2
import numpy as np

from roadseg.pipeline.errors import UserError, printable


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
