"""Pictures go to disk and back; what can't be read, or isn't a label, gets an error of its own."""

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from roadseg.frames.classes import NAMES, NUM_CLASSES, PALETTE, TRAIN_ID_OF_LABEL_ID, colorize
from roadseg.frames.images import read_image, read_label, write_image
from roadseg.pipeline.errors import UserError


def test_png_keeps_rgb_and_labels(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    write_image(tmp_path / "a.png", image)
    write_image(tmp_path / "b.png", image[..., 0])
    assert np.array_equal(read_image(tmp_path / "a.png"), image)
    assert np.array_equal(read_label(tmp_path / "b.png"), image[..., 0])
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], image)  # red first, as others see it


def test_jpeg_comes_close(tmp_path):
    image = np.full((16, 16, 3), (200, 30, 90), np.uint8)
    write_image(tmp_path / "a.jpg", image)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - image).max() <= 3


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((2, 2, 3), np.uint8), "has 3 channels; save train ids as one grey channel"),
        (np.zeros((2, 2), np.uint16), "has 16 bits a pixel; save train ids with 8"),
    ],
)
def test_what_is_no_label_is_reported(tmp_path, picture, message):
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    with pytest.raises(UserError, match=message):
        read_label(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"", b"no picture at all"])
def test_an_unreadable_file_is_reported(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png is not a readable PNG or JPEG"):
        read_label(tmp_path / "a.png")


def test_a_palette_label_is_reported(tmp_path):
    Image.new("P", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="is a palette PNG; save train ids as grey values"):
        read_label(tmp_path / "a.png")


def test_a_label_may_have_a_transparent_value(tmp_path):
    Image.new("L", (2, 2), 7).save(tmp_path / "a.png", transparency=7)
    assert read_label(tmp_path / "a.png").tolist() == [[7, 7], [7, 7]]


def test_a_large_picture_is_read(tmp_path):
    """More than 178 megapixels, where Pillow takes a file for an attack."""
    write_image(tmp_path / "a.png", np.full((9_000, 20_000), 3, np.uint8))
    assert read_label(tmp_path / "a.png").shape == (9_000, 20_000)


def test_a_full_disk_is_an_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_image(tmp_path / "a.png", np.zeros((2, 2), np.uint8))


def test_classes_are_cityscapes():
    assert (NUM_CLASSES, NAMES[0], NAMES[9], NAMES[18]) == (19, "road", "terrain", "bicycle")
    train_ids = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13}
    train_ids |= {27: 14, 28: 15, 31: 16, 32: 17, 33: 18}
    assert [TRAIN_ID_OF_LABEL_ID[i] for i in range(256)] == [train_ids.get(i, 255) for i in range(256)]
    assert PALETTE[13].tolist() == [0, 0, 142]


def test_colorize_leaves_what_is_no_class_black():
    assert colorize(np.array([[0, 18], [19, 255]], np.uint8)).tolist() == [
        [[128, 64, 128], [119, 11, 32]],
        [[0, 0, 0], [0, 0, 0]],
    ]
