"""Pictures and labels go to disk and back and to other sizes; what is wrong with a file is told in a line."""

import errno
import os
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from roadseg.frames import images
from roadseg.frames.headers import Picture
from roadseg.frames.images import (
    check_no_masks,
    check_values,
    decode_label,
    is_litter,
    kind_of,
    plain_ids,
    read_bytes,
    read_image,
    read_label,
    resize_picture,
    write_image,
)
from roadseg.pipeline.errors import UserError

NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


def test_a_file_is_read_through_links_and_a_missing_one_is_an_os_error(tmp_path):
    (tmp_path / "a").write_bytes(b"some bytes")
    (tmp_path / "b").symlink_to("a")
    assert read_bytes(tmp_path / "b") == b"some bytes"
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "c")


@pytest.mark.timeout(10)
def test_what_never_ends_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    (tmp_path / "zeros").symlink_to("/dev/zero")
    names = {"pipe": "a named pipe", "socket": "a socket", "zeros": "a device", ".": "a folder"}
    for name, kind in names.items():
        assert kind_of(tmp_path / name) == kind
        with pytest.raises(UserError, match=f"is {kind}, not a file; put a file there, or remove it"):
            read_bytes(tmp_path / name)


def test_links_to_nowhere(tmp_path):
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Stra\xdfe\n"))
    links = {
        tmp_path / "broken": ("away/from here", "broken is a broken link to away/from here; repair it, or remove it"),
        tmp_path / "round": ("round", "round is a link that leads back to itself; remove it"),
        strange: ("nowhere", r"/Stra\\xdfe\\n is a broken link to nowhere"),
    }
    for link, (target, message) in links.items():
        link.symlink_to(target)
        with pytest.raises(UserError, match=message):
            read_bytes(link)


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    with (tmp_path / "a").open("wb") as file:
        file.truncate(3 * 2**30)  # a hole, which takes no space
    with pytest.raises(UserError, match="a has 3072 MiB, and a picture may have 512; save it smaller"):
        read_bytes(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"it grows")
    monkeypatch.setattr(images, "MAX_BYTES", 4)
    sizes = []
    monkeypatch.setattr(images, "check_size", lambda size, _: sizes.append(size))
    assert read_bytes(tmp_path / "b") == b"it gr"
    assert sizes == [8, 5]


def test_litter():
    for name in (".DS_Store", "._a.png", "a/.hidden/b.png", "__MACOSX/a.png", "a/Thumbs.db", ".a"):
        assert is_litter(name), name
    for name in ("a.png", "./a.png", "../a.png", "a/b.c/d.png", "thumbs.png", "a..png"):
        assert not is_litter(name), name


def test_png_keeps_rgb_and_labels_and_jpeg_comes_close(tmp_path):
    write_image(tmp_path / "a.png", NOISE)
    write_image(tmp_path / "b.png", NOISE[..., 0])
    assert np.array_equal(read_image(tmp_path / "a.png"), NOISE)
    assert np.array_equal(read_label(tmp_path / "b.png"), NOISE[..., 0])
    assert np.array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], NOISE)  # red first, as others see it
    even = np.full((16, 16, 3), (200, 30, 90), np.uint8)
    write_image(tmp_path / "a.jpg", even)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - even).max() <= 3


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"kind": "JPEG"}, "a is a JPEG, which alters values; save train ids as a grey PNG"),
        ({"palette": True}, "a is a palette PNG; save train ids as grey values"),
        ({"channels": 3}, "a has 3 channels; save train ids as one grey channel"),
        ({"channels": 2}, "a has 2 channels; save train ids as one grey channel"),
        ({"bits": 16}, "a has 16 bits a pixel; save train ids with 8"),
        ({"bits": 4}, "a has 4 bits a pixel; save train ids with 8"),
    ],
)
def test_other_forms_of_labels_are_refused(what, message):
    form = {"kind": "PNG", "height": 2, "width": 2, "channels": 1, "bits": 8, "palette": False, "turned": False} | what
    with pytest.raises(UserError, match=f"^{message}$"):
        decode_label(Picture(**form, data=b""), "a")


@pytest.mark.parametrize("content", [b"", b"no picture at all"])
def test_an_unreadable_file_is_reported(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png is not a readable PNG or JPEG"):
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


def test_values():
    check_values([*range(19), 255], plain_ids(19), "a")
    for value in (19, 33, 254):
        with pytest.raises(UserError, match=f"a holds {value}; save train ids: 0..18, and 255 for pixels without a cl"):
            check_values([0, value], plain_ids(19), "a")
    with pytest.raises(UserError, match="a holds 19, 20, 21, 22, 23 and 11 more values; save"):
        check_values(range(35), plain_ids(19), "a")


def test_masks():
    with pytest.raises(UserError) as caught:
        check_no_masks({255, 0}, "mine/training")
    assert str(caught.value) == (
        "mine/training: all labels hold 0 and 255 alone, where 0 means road and 255 unknown; if they are black and "
        "white masks, choose classes: binary_road; if not, save 255 only where nothing is known, and the other "
        "classes as 1..18"
    )
    for values in ({0}, {255}, {0, 1}, {0, 1, 255}, set(range(19))):
        check_no_masks(values, "mine/training")


def test_rows_that_shrink_are_means_though_columns_grow():
    """Means taken by numpy: the centres of the output columns lie a quarter of an input column beside the input's."""
    result = resize_picture(NOISE, 30, 320, "area")
    means = NOISE.reshape(30, 4, 160, 3).mean(axis=1)
    left = np.concatenate([means[:, :1], means[:, :-1]], axis=1)
    assert np.abs(result[:, ::2] - (0.75 * means + 0.25 * left)).max() <= 1
    turned = resize_picture(NOISE.transpose(1, 0, 2), 320, 30, "area")
    assert np.abs(turned.transpose(1, 0, 2).astype(int) - result).max() <= 1


@pytest.mark.parametrize("size", [(120, 160), (60, 160), (120, 40), (60, 40), (77, 101)])
def test_where_nothing_grows_it_is_opencvs_area(size):
    expected = cv2.resize(NOISE, size[::-1], interpolation=cv2.INTER_AREA)
    assert np.array_equal(resize_picture(NOISE, *size, "area"), expected)


@pytest.mark.parametrize("size", [(120, 160), (120, 200), (240, 200)])
def test_where_nothing_shrinks_it_is_linear(size):
    assert np.array_equal(resize_picture(NOISE, *size, "area"), resize_picture(NOISE, *size, "linear"))


@pytest.mark.parametrize("rule", ["nearest", "linear", "area"])
def test_the_same_size_is_the_same_picture(rule):
    assert np.array_equal(resize_picture(NOISE, 120, 160, rule), NOISE)
