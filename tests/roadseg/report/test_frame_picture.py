"""A frame's picture is small, quick and readable whatever the frame's size and shape."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import ROOT, write_picture

from roadseg.report import frame_picture
from roadseg.report.frame_picture import draw_frame, layout, plot_frame, shrink_image, shrink_label, small_size

MEASURE = """
import resource, sys
from pathlib import Path
from roadseg.report.frame_picture import draw_frame
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
draw_frame(*map(Path, sys.argv[1:]))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize(
    ("full", "small"),
    [
        ((375, 1242), (375, 1242)),
        ((1600, 1600), (1600, 1600)),
        ((1024, 2048), (800, 1600)),
        ((13000, 13000), (1600, 1600)),
        ((10, 20000), (10, 1600)),
        ((20000, 10), (1600, 10)),
        ((600, 64000), (200, 1600)),
        ((1, 1), (1, 1)),
    ],
)
def test_the_long_side_is_bounded_and_a_strip_keeps_its_short_side(full, small):
    assert small_size(*full) == small


def test_labels_keep_their_values_and_pictures_their_mean():
    rng = np.random.default_rng(0)
    label = rng.choice(np.array([0, 7, 18, 255], np.uint8), (20, 40)).repeat(100, 0).repeat(100, 1)  # 2000x4000
    small = shrink_label(label)
    assert small.shape == (800, 1600)
    assert set(np.unique(small)) == {0, 7, 18, 255}
    assert np.array_equal(small[::40, ::40], label[::100, ::100])
    image = rng.integers(0, 256, (2000, 4000, 3), np.uint8)
    assert shrink_image(image).shape == (800, 1600, 3)
    assert shrink_image(image).mean() == pytest.approx(image.mean(), abs=0.5)


def test_small_frames_are_drawn_as_they_are():
    label = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(shrink_label(label), label)
    image = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    assert np.array_equal(shrink_image(image), image)


@pytest.mark.parametrize("size", [(375, 1242), (10, 20000), (20000, 10), (1, 1), (480, 640), (1600, 700), (64, 900)])
def test_every_shape_gives_panels_that_can_be_looked_at(size, tmp_path):
    rows, columns, width, height = layout(*size)
    assert rows * columns == 4
    assert width >= 1
    assert height >= 1
    label = np.zeros(small_size(*size), np.uint8)
    plot_frame(label[..., None].repeat(3, axis=2), label, label, tmp_path / "a.png")
    drawn_height, drawn_width = cv2.imread(str(tmp_path / "a.png")).shape[:2]
    assert 300 < drawn_height < 1500
    assert 300 < drawn_width < 1500


def test_errors_are_red_right_is_grey_and_without_truth_black(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(frame_picture, "save_figure", lambda figure, _: figures.append(figure))
    truth, pred = np.array([[0, 1], [255, 2]], np.uint8), np.array([[0, 2], [3, 2]], np.uint8)
    plot_frame(np.zeros((2, 2, 3), np.uint8), truth, pred, tmp_path / "a.png")
    panels = {axes.get_title(): axes.images[0].get_array() for axes in figures[0].axes}
    assert list(panels) == ["image", "truth", "prediction", "errors (red)"]
    assert panels["errors (red)"].tolist() == [[[200, 200, 200], [213, 30, 47]], [[0, 0, 0], [200, 200, 200]]]


def test_a_large_frame_costs_little_more_than_its_pixels(tmp_path):
    """6000x6000: 103 MiB of picture, 34 of each label. The whole frame in matplotlib would take gigabytes."""
    label = np.zeros((6000, 6000), np.uint8)
    label[2000:4000] = 13
    write_picture(tmp_path / "image.png", cv2.cvtColor(label, cv2.COLOR_GRAY2BGR))
    write_picture(tmp_path / "label.png", label)
    files = [tmp_path / name for name in ("image.png", "label.png", "label.png", "drawn.png")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *files], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 3 * 103
    assert cv2.imread(str(tmp_path / "drawn.png")).shape[1] < 1500


def test_the_picture_is_the_same_bytes_each_time(tmp_path):
    write_picture(tmp_path / "image.png", np.full((30, 90, 3), 7, np.uint8))
    write_picture(tmp_path / "label.png", np.full((30, 90), 7, np.uint8))
    for name in ("a.png", "b.png"):
        draw_frame(tmp_path / "image.png", tmp_path / "label.png", tmp_path / "label.png", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
