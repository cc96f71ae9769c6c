"""Pictures of several kinds are read as they are shown."""

import struct

import cv2
import numpy as np
import pytest

from roadseg.inference.pictures import read_picture
from roadseg.pipeline.errors import UserError

PICTURE = cv2.resize(np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8), (48, 32))  # smooth, so JPEG fits


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif"])
def test_kinds_without_loss_come_back_bit_by_bit(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    cv2.imwrite(str(path), PICTURE[..., ::-1])
    assert np.array_equal(read_picture(path), PICTURE)


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_kinds_with_loss_come_back_nearly(tmp_path, ending):
    path = tmp_path / f"a{ending}"
    cv2.imwrite(str(path), PICTURE[..., ::-1])
    assert np.abs(read_picture(path).astype(int) - PICTURE).mean() < 4


def test_a_grey_picture_of_16_bits_and_one_with_an_alpha_channel_become_rgb_of_8_bits(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((2, 3), 0x1234, np.uint16))
    cv2.imwrite(str(tmp_path / "alpha.png"), np.full((2, 3, 4), (1, 2, 3, 4), np.uint8))
    assert np.array_equal(read_picture(tmp_path / "deep.png"), np.full((2, 3, 3), 0x12, np.uint8))
    assert np.array_equal(read_picture(tmp_path / "alpha.png"), np.full((2, 3, 3), (3, 2, 1), np.uint8))


def test_a_photo_is_turned_upright(tmp_path):
    data = cv2.imencode(".jpg", PICTURE[..., ::-1])[1].tobytes()
    # one entry in one directory: orientation (0x0112), of 16 bits, is 6: to be turned by 90 degrees clockwise
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    lying = tmp_path / "lying.jpg"
    lying.write_bytes(data)
    assert np.array_equal(read_picture(path), np.rot90(read_picture(lying), -1))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", ""),
        (b"text", ""),
        (b"<html>", r" \(it is a web page or SVG\)"),
        (b"\x89PNG\r\n\x1a\n", ""),
        (b"\xff\xd8\xff", ""),
        (b"BM and no more", r" \(it is a BMP\)"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, what):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.png is not a readable PNG or JPEG{what}; replace it"):
        read_picture(tmp_path / "a.png")
