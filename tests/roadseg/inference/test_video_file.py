"""A video that is written is whole, or said not to be."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from roadseg.inference.video import frames_of, open_video
from roadseg.inference.video_file import VideoFile

FULL = """
import resource, sys
import numpy as np
from pathlib import Path
from roadseg.inference.video_file import VideoFile
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
film = VideoFile(Path(sys.argv[1]), 25)
for frame in np.random.default_rng(0).integers(0, 256, (20, 64, 64, 3), np.uint8):
    film.add(frame)
film.close()
"""


@pytest.mark.parametrize("size", [(32, 48), (31, 47), (1, 1)])
def test_frames_come_back_at_their_rate_with_even_sides(tmp_path, size):
    film = VideoFile(tmp_path / "a.mp4", 12.5)
    for value in range(0, 200, 10):
        film.add(np.full((*size, 3), (value, 100, 50), np.uint8))
    film.close()
    video = open_video(tmp_path / "a.mp4")
    frames = [image for _, image in frames_of(video)]
    assert (video.rate, len(frames)) == (12.5, 20)
    assert {image.shape for image in frames} == {(size[0] + size[0] % 2, size[1] + size[1] % 2, 3)}
    assert np.abs(np.array([image[..., 0].mean() for image in frames]) - np.arange(0, 200, 10)).max() < 10


def test_frames_of_another_size_are_brought_to_that_of_the_first(tmp_path):
    film = VideoFile(tmp_path / "a.mp4", 10)
    film.add(np.zeros((32, 48, 3), np.uint8))
    film.add(np.zeros((64, 20, 3), np.uint8))
    film.close()
    assert [image.shape for _, image in frames_of(open_video(tmp_path / "a.mp4"))] == [(32, 48, 3)] * 2


def test_a_disk_that_is_full_is_noticed(tmp_path):
    words = [sys.executable, "-c", FULL, str(tmp_path / "a.mp4")]
    done = subprocess.run(words, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")})
    assert "the video could not be written whole; free some space" in done.stderr


def test_a_film_without_frames_is_closed_without_a_file(tmp_path):
    VideoFile(tmp_path / "a.mp4", 10).close()
    assert not (tmp_path / "a.mp4").exists()
