"""Videos written with OpenCV come back frame by frame, a few at a time."""

import threading

import cv2
import numpy as np
import pytest

from roadseg.inference import frame as frame_module
from roadseg.inference.frame import Broken, read_video
from roadseg.inference.video import frames_of, open_video
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Input

TARGET = Input(height=64, width=64, resize="area")


def write_video(path, count, fourcc="mp4v", rate=10.0):
    """Frames of 32x48 whose brightness is twice their number."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*fourcc), rate, (48, 32))
    for number in range(count):
        writer.write(np.full((32, 48, 3), 2 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture
def film(tmp_path):
    return write_video(tmp_path / "film.mp4", 30)


def test_a_video_says_its_rate_and_length(film):
    video = open_video(film)
    assert (video.rate, video.count) == (10.0, 30)


@pytest.mark.parametrize("every", [1, 7])
def test_every_so_manieth_frame_is_read(film, every):
    frames = list(frames_of(open_video(film), every))
    assert [number for number, _ in frames] == list(range(0, 30, every))
    for number, image in frames:
        assert (image.shape, image.dtype) == ((32, 48, 3), np.uint8)
        assert abs(float(image.mean()) - 2 * number) < 4


def test_red_is_red(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 5, (48, 32))
    writer.write(np.full((32, 48, 3), (0, 0, 250), np.uint8))
    writer.release()
    ((_, image),) = frames_of(open_video(tmp_path / "a.avi"))
    assert image[..., 0].min() > 200 > 50 > image[..., 1:].max()


def test_frames_are_named_by_their_number_and_resized(film):
    frames = list(read_video(open_video(film), 10, TARGET))
    assert [str(frame.name) for frame in frames] == ["000000", "000010", "000020"]
    assert all(frame.image.shape == (32, 48, 3) and frame.small.shape == (64, 64, 3) for frame in frames)


def test_few_of_many_frames_are_decoded_ahead(film, monkeypatch):
    decoded, waits = [], threading.Event()

    def counted(video, every):
        for number, image in frames_of(video, every):
            decoded.append(number)
            if number == 20:
                waits.set()
            yield number, image

    monkeypatch.setattr(frame_module, "frames_of", counted)
    frames = read_video(open_video(film), 1, TARGET)
    next(frames)
    assert not waits.wait(0.2)  # there was time to decode all
    assert len(decoded) <= frame_module._AHEAD
    assert len(list(frames)) == 29


def test_a_video_that_breaks_off_is_read_as_far_as_it_goes(tmp_path):
    path = write_video(tmp_path / "a.avi", 30, "MJPG")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    *frames, last = read_video(open_video(path), 1, TARGET)
    assert 0 < len(frames) < 25
    assert last == Broken(f"{path}: no frame after number {len(frames) - 1} can be read, of 30")


@pytest.mark.parametrize("content", [b"", b"no video\n" * 100, b"\0\1\2" * 999, "cut"])
def test_what_is_no_video_is_named(tmp_path, capfd, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(write_video(path, 9).read_bytes()[:900] if content == "cut" else content)
    with pytest.raises(UserError, match=r"a\.mp4 is no picture by its ending, and no video that FFmpeg reads; convert"):
        open_video(path)


def test_a_text_is_not_shown_as_a_video(tmp_path):
    (tmp_path / "a.txt").write_text("FFmpeg makes frames of this\n")
    with pytest.raises(UserError, match="no video that FFmpeg reads"):
        open_video(tmp_path / "a.txt")
