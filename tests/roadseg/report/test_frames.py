"""A frame's picture is small, quick and readable whatever the frame's size and shape."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
from conftest import ROOT, write_picture
from report_facts import decoded

from roadseg.frames.classes import CITYSCAPES, colorize
from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_image, write_image
from roadseg.report import frames
from roadseg.report.frames import draw_frame, draw_sheet, frame_layers, shrink_image, shrink_label, small_size
from roadseg.scenes.scene import render_scene

RIGHT, WRONG, NO_TRUTH = [200, 200, 200], [213, 30, 47], [0, 0, 0]
MEASURE = """
import resource, sys
from pathlib import Path
from roadseg.frames.files import FrameFiles
from roadseg.report.frames import draw_frame
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
image, label, drawn = map(Path, sys.argv[1:])
draw_frame(FrameFiles(image, label), label, drawn)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def files_of(folder, image, label, pred=None):
    """A frame's files and its prediction's, which is its label by default."""
    for name, content in (("image", image), ("label", label), ("pred", label if pred is None else pred)):
        write_picture(folder / f"{name}.png", content)
    return FrameFiles(folder / "image.png", folder / "label.png"), folder / "pred.png"


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
    assert np.array_equal(shrink_label(label[:900, :900]), label[:900, :900]), "a small one stays as it is"
    image = rng.integers(0, 256, (2000, 4000, 3), np.uint8)
    assert shrink_image(image).shape == (800, 1600, 3)
    assert shrink_image(image).mean() == pytest.approx(image.mean(), abs=0.5)


@pytest.mark.parametrize("size", [(375, 1242), (10, 20000), (20000, 10), (1, 1), (480, 640), (1600, 700), (64, 900)])
def test_every_shape_gives_panels_that_can_be_looked_at(size, tmp_path):
    label = np.zeros(size, np.uint8)
    draw_frame(*files_of(tmp_path, label[..., None].repeat(3, axis=2), label), tmp_path / "a.png")
    drawn_height, drawn_width = cv2.imread(str(tmp_path / "a.png")).shape[:2]
    assert 300 < drawn_height < 1500
    assert 300 < drawn_width < 1500


def test_errors_are_red_right_is_grey_and_without_truth_black(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(frames, "save_figure", lambda figure, _: figures.append(figure))
    truth, pred = np.array([[0, 1], [255, 2]], np.uint8), np.array([[0, 2], [3, 2]], np.uint8)
    draw_frame(*files_of(tmp_path, np.zeros((2, 2, 3), np.uint8), truth, pred), tmp_path / "a.png")
    panels = {axes.get_title(): axes.images[0].get_array() for axes in figures[0].axes}
    assert list(panels) == ["image", "ground truth", "prediction", "errors (red)"]
    assert panels["errors (red)"].tolist() == [[RIGHT, WRONG], [NO_TRUTH, RIGHT]]


def test_a_large_frame_costs_little_more_than_its_pixels(tmp_path):
    """6000x6000: 103 MiB of picture, 34 of each label. The whole frame in matplotlib would take gigabytes."""
    label = np.zeros((6000, 6000), np.uint8)
    label[2000:4000] = 13
    write_picture(tmp_path / "image.png", cv2.cvtColor(label, cv2.COLOR_GRAY2BGR))
    write_picture(tmp_path / "label.png", label)
    files = [tmp_path / name for name in ("image.png", "label.png", "drawn.png")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *files], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 3 * 103
    assert cv2.imread(str(tmp_path / "drawn.png")).shape[1] < 1500


def test_the_picture_is_the_same_bytes_each_time(tmp_path):
    files = files_of(tmp_path, np.full((30, 90, 3), 7, np.uint8), np.full((30, 90), 7, np.uint8))
    for name in ("a.png", "b.png"):
        draw_frame(*files, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


# --- inside a page


def test_layers_of_a_page_are_what_the_files_hold_to_the_last_bit_of_a_class_map(tmp_path):
    truth, pred = (np.array(ids, np.uint8).repeat(8, 0).repeat(8, 1) for ids in ([[0, 1], [255, 2]], [[0, 2], [3, 2]]))
    files = files_of(tmp_path, np.full((16, 16, 3), 90, np.uint8), truth, pred)
    layers = {name: decoded(address) for name, address in frame_layers(*files, CITYSCAPES, 1280).items()}
    assert list(layers) == ["picture", "ground truth", "prediction", "errors"]
    assert abs(layers["picture"].astype(int) - 90).max() <= 3
    assert np.array_equal(layers["ground truth"], colorize(truth))
    assert np.array_equal(layers["prediction"], colorize(pred))
    assert layers["errors"][::8, ::8].tolist() == [[RIGHT, WRONG], [NO_TRUTH, RIGHT]]


def test_fifty_frames_of_kittis_size_stay_under_15_mb(tmp_path):
    image, label = render_scene(2, 3, 375, 1242)
    noise = np.random.default_rng(0).normal(0, 12, image.shape)  # harder on the format than what a camera leaves
    pred = np.where(noise[..., 0].round().astype(int) % 50 == 0, 0, label).astype(np.uint8)
    files = files_of(tmp_path, (image + noise).clip(0, 255).astype(np.uint8), label, pred)
    assert 50 * sum(map(len, frame_layers(*files, CITYSCAPES, 1280).values())) < 15e6


# --- the sheet of `dvc plots diff`


def test_pictures_stand_one_below_the_other_under_their_names(tmp_path):
    wide, narrow = np.full((2, 60, 3), 10, np.uint8), np.full((3, 40, 3), (200, 100, 50), np.uint8)
    pictures = {"l": tmp_path / "a.png", "": tmp_path / "b.png"}
    for file, image in zip(pictures.values(), (wide, narrow), strict=True):
        write_image(file, image)
    draw_sheet(pictures, tmp_path / "sheet.png")
    sheet = read_image(tmp_path / "sheet.png")
    assert sheet.shape == (24 + 2 + 24 + 3, 60, 3)
    assert (sheet[24:26] == wide).all()
    assert (sheet[50:, :40] == narrow).all()
    assert (sheet[50:, 40:] == 255).all()
    assert (sheet[26:50] == 255).all()  # no name, no ink
    rows, columns = (sheet[:24] < 128).all(axis=2).nonzero()
    assert np.ptp(rows) > 3 * np.ptp(columns)  # an l is a stroke
    assert columns.max() < 15


def test_names_of_any_letters_are_drawn_and_differ(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((1, 90, 3), np.uint8))
    names = ("000001_10", "000007_10", "straße")
    draw_sheet(dict.fromkeys(names, tmp_path / "a.png"), tmp_path / "sheet.png")
    strips = np.split(read_image(tmp_path / "sheet.png"), 3)
    assert all((strip[:24] < 128).any() for strip in strips)
    assert len({strip.tobytes() for strip in strips}) == 3
