"""Videos come back frame by frame, a few at a time; one that is written is whole, or said not to be."""

import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest
from conftest import ROOT

from roadseg.inference import reading
from roadseg.inference.reading import Unreadable, read_video
from roadseg.inference.video import VideoFile, frames_of, open_video
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Input

TARGET = Input(height=64, width=64, resize="area")


def write_video(path, frames, fourcc="mp4v", rate=10.0):
    """Write (N, H, W, 3) RGB frames with OpenCV alone."""
    size = frames.shape[2], frames.shape[1]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*fourcc), rate, size)
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
    return path


BRIGHTER = np.stack([np.full((32, 48, 3), 2 * number, np.uint8) for number in range(30)])


@pytest.fixture
def film(tmp_path):
    return write_video(tmp_path / "film.mp4", BRIGHTER)


@pytest.mark.parametrize("every", [1, 7])
def test_every_so_manieth_frame_is_read(film, every):
    video = open_video(film)
    assert (video.rate, video.count) == (10.0, 30)
    frames = list(frames_of(video, every))
    assert [number for number, _ in frames] == list(range(0, 30, every))
    for number, image in frames:
        assert (image.shape, image.dtype) == ((32, 48, 3), np.uint8)
        assert abs(float(image.mean()) - 2 * number) < 4


def test_red_is_red(tmp_path):
    red = np.full((1, 32, 48, 3), (250, 0, 0), np.uint8)
    ((_, image),) = frames_of(open_video(write_video(tmp_path / "a.avi", red, "MJPG")))
    assert image[..., 0].min() > 200 > 50 > image[..., 1:].max()


def test_frames_are_named_by_their_number_and_resized(film):
    frames = list(read_video(open_video(film), 10, TARGET))
    assert [str(frame.name) for frame in frames] == ["000000", "000010", "000020"]
    assert all(frame.image.shape == (32, 48, 3) and frame.small.shape == (64, 64, 3) for frame in frames)


def test_few_of_many_frames_are_decoded_ahead(film, monkeypatch):
    decoded, reached = [], threading.Event()

    def counted(video, every):
        for number, image in frames_of(video, every):
            decoded.append(number)
            if number == 20:
                reached.set()
            yield number, image

    monkeypatch.setattr(reading, "frames_of", counted)
    frames = read_video(open_video(film), 1, TARGET)
    next(frames)
    assert not reached.wait(0.2)  # there was time to decode all
    assert len(decoded) <= reading._READ_AHEAD
    assert len(list(frames)) == 29


def test_a_video_that_breaks_off_is_read_as_far_as_it_goes(tmp_path):
    path = write_video(tmp_path / "a.avi", BRIGHTER, "MJPG")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    *frames, last = read_video(open_video(path), 1, TARGET)
    assert 0 < len(frames) < 25
    assert last == Unreadable(f"{path}: no frame after number {len(frames) - 1} can be read, of 30")


@pytest.mark.parametrize("content", [b"", b"FFmpeg makes frames of a text\n" * 9, b"\0\1\2" * 999, "cut"])
def test_what_is_no_video_is_named(tmp_path, capfd, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(write_video(path, BRIGHTER).read_bytes()[:900] if content == "cut" else content)
    with pytest.raises(UserError, match=r"a\.mp4 is no picture by its ending, and no video that FFmpeg reads; convert"):
        open_video(path)


# --- written


def written(path, frames, rate=12.5):
    film = VideoFile(path, rate)
    for frame in frames:
        film.add(frame)
    film.close()
    return open_video(path)


@pytest.mark.parametrize("size", [(32, 48), (31, 47), (1, 1)])
def test_frames_come_back_at_their_rate_with_even_sides(tmp_path, size):
    video = written(tmp_path / "a.mp4", [np.full((*size, 3), (v, 100, 50), np.uint8) for v in range(0, 200, 10)])
    frames = [image for _, image in frames_of(video)]
    assert (video.rate, len(frames)) == (12.5, 20)
    assert {image.shape for image in frames} == {(size[0] + size[0] % 2, size[1] + size[1] % 2, 3)}
    assert np.abs(np.array([image[..., 0].mean() for image in frames]) - np.arange(0, 200, 10)).max() < 10


def test_frames_of_another_size_are_brought_to_that_of_the_first(tmp_path):
    video = written(tmp_path / "a.mp4", [np.zeros((32, 48, 3), np.uint8), np.zeros((64, 20, 3), np.uint8)])
    assert [image.shape for _, image in frames_of(video)] == [(32, 48, 3)] * 2


FULL = """
import resource, sys
import numpy as np
from pathlib import Path
from roadseg.inference.video import VideoFile
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
film = VideoFile(Path(sys.argv[1]), 25)
for frame in np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8):
    film.add(frame)
film.close()
"""


def test_a_disk_that_is_full_is_noticed(tmp_path):
    words = [sys.executable, "-c", FULL, str(tmp_path / "a.mp4")]
    done = subprocess.run(words, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")})
    assert "the video could not be written whole; free some space" in done.stderr
