"""Headers say what a picture is; Pillow, which wrote the files, is the other witness."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from conftest import picture_bytes
from PIL import Image, PngImagePlugin

from roadseg.frames.headers import png_size, read_header
from roadseg.frames.images import decode_image
from roadseg.pipeline.errors import UserError

NOISE = np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)


def saved(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(kind, content):
    """A sound PNG with one more chunk in front of its pixels."""
    data = picture_bytes(NOISE)
    return data[:33] + chunk(kind, content) + data[33:]


def png_of_size(height, width):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("mode", "channels", "bits"),
    [("L", 1, 8), ("1", 1, 1), ("I;16", 1, 16), ("RGB", 3, 8), ("RGBA", 4, 8), ("LA", 2, 8), ("P", 1, 8)],
)
def test_pngs(mode, channels, bits):
    image = Image.new(mode, (31, 20)) if mode != "P" else Image.fromarray(NOISE).quantize(200)
    picture = read_header(saved(image, "PNG"), "a.png")
    assert (picture.kind, picture.height, picture.width) == ("PNG", 20, 31)
    assert (picture.channels, picture.bits, picture.palette) == (channels, bits, mode == "P")
    assert png_size(picture.data[:24]) == (20, 31)


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("CMYK", 4)])
@pytest.mark.parametrize("progressive", [True, False])
def test_jpegs(mode, channels, progressive):
    data = saved(Image.new(mode, (31, 20)), "JPEG", progressive=progressive, comment="x" * 300)
    picture = read_header(data, "a.jpg")
    assert (picture.kind, picture.height, picture.width) == ("JPEG", 20, 31)
    assert (picture.channels, picture.bits) == (channels, 8)
    assert decode_image(picture, "a.jpg").shape == (20, 31, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("orientation", "turned"), [(None, False), (0, False), (1, False), (2, True), (8, True), (9, False)]
)
def test_orientation(kind, orientation, turned):
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    if orientation is not None:
        exif[0x0112] = orientation
    picture = read_header(saved(Image.fromarray(NOISE), kind, exif=exif), "a")
    assert picture.turned == turned
    assert decode_image(picture, "a").shape == NOISE.shape


@pytest.mark.parametrize("exif", [b"", b"MM", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff\x12\x01"])
def test_damaged_exif_says_nothing(exif):
    assert not read_header(with_chunk(b"eXIf", exif), "a.png").turned


def test_much_text_and_large_profiles_are_left_out():
    text = PngImagePlugin.PngInfo()
    text.add_text("XML:com.adobe.xmp", "x" * 2**24, zip=True)
    profile = np.random.default_rng(0).integers(0, 256, 20 * 2**20, np.uint8).tobytes()
    for extra in ({"pnginfo": text}, {"icc_profile": profile}):
        picture = read_header(saved(Image.fromarray(NOISE), "PNG", **extra), "a.png")
        assert len(picture.data) < 4000
        assert np.array_equal(decode_image(picture, "a.png"), NOISE)


def test_extras_change_no_pixel():
    extras = {
        b"gAMA": struct.pack(">I", 100000),
        b"sRGB": b"\0",
        b"sBIT": b"\5\5\5",
        b"bKGD": bytes(6),
        b"tIME": bytes(7),
    }
    for kind, content in extras.items():
        image = decode_image(read_header(with_chunk(kind, content), "a.png"), "a.png")
        assert np.array_equal(image, NOISE[..., ::-1]), kind


@pytest.mark.parametrize("lost", [1, 4, 8, 12, 13, 17, 300])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_cut_file_is_refused_without_noise(kind, lost, capfd):
    data = saved(Image.fromarray(NOISE), kind)[:-lost]
    with pytest.raises(UserError, match="a is not a readable PNG or JPEG; replace it, or remove it and its partner"):
        decode_image(read_header(data, "a"), "a")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("at", [10, 20, 30, 40, -30, -2])
def test_a_changed_byte_in_a_png_is_found(at):
    data = bytearray(saved(Image.fromarray(NOISE), "PNG"))
    data[at] ^= 0xFF
    with pytest.raises(UserError, match="is not a readable PNG or JPEG"):
        read_header(bytes(data), "a.png")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", ""),
        (b"some text", ""),
        (saved(Image.new("RGB", (4, 4)), "WEBP"), " (it is a WebP)"),
        (saved(Image.new("RGB", (4, 4)), "TIFF"), " (it is a TIFF)"),
        (saved(Image.new("RGB", (4, 4)), "BMP"), " (it is a BMP)"),
        (b"version https://git-lfs.github.com/spec/v1\n", " (it is a pointer of Git LFS: run `git lfs pull`)"),
        (b"<!doctype html>", " (it is a web page or SVG)"),
        (b"\xff\xd8\xff\xd9", ""),
        (png_of_size(0, 5), ""),
        (with_chunk(b"CgBI", b"\0"), ""),  # an unknown chunk that must be understood
    ],
)
def test_other_kinds_are_named(data, what):
    with pytest.raises(UserError) as caught:
        read_header(data, "a.png")
    assert str(caught.value) == f"a.png is not a readable PNG or JPEG{what}; replace it, or remove it and its partner"


@pytest.mark.parametrize("size", [(2**16, 2**16), (2**15, 2**15 + 1), (1_000_001, 1), (1, 2**31 - 1)])
def test_a_picture_that_is_too_large_is_refused_by_its_header(size):
    message = f"a.png is {size[0]}x{size[1]}, and a picture may have up to 1,073,741,824 pixels"
    with pytest.raises(UserError, match=re.escape(message)):
        read_header(png_of_size(*size), "a.png")
    assert read_header(png_of_size(2**15, 2**15), "a.png").height == 2**15  # the largest
