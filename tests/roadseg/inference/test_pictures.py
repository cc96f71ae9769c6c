"""Which pictures a source names, in which order, how they are called, and what is read of them."""

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from roadseg.inference.pictures import find_pictures, is_video, read_picture
from roadseg.pipeline.errors import UserError


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [
        "f/b.png",
        "f/a.JPG",
        "f/sub/deep/c.webp",
        "f/notes.txt",
        "f/.hidden/d.png",
        "f/film.mp4",
        "[g]/e.png",
    ]:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


def found(source, lines=(), out="out"):
    return [(str(one.path), str(one.name)) for one in find_pictures(str(source), lines, Path(out))]


ODD = os.fsdecode(b"f/\xff.png")  # a name need not be text
LINES = [b"[g]/e.png\n", b"\n", b"f/b.png\r\n", b"[g]/e.png\n", b"f/\xff.png\n", b"missing.png"]


@pytest.mark.parametrize(
    ("source", "out", "pictures"),
    [
        ("f", "out", [("f/a.JPG", "a"), ("f/b.png", "b"), ("f/sub/deep/c.webp", "sub/deep/c")]),
        ("f", "f/sub", [("f/a.JPG", "a"), ("f/b.png", "b")]),  # what is written there is no source
        ("f/b.png", "out", [("f/b.png", "b")]),
        ("**/*.png", "out", [("[g]/e.png", "[g]/e"), ("f/b.png", "f/b")]),  # named from the folder around all
        ("f/*", "out", [("f/a.JPG", "a"), ("f/b.png", "b")]),
        ("[g]", "out", [("[g]/e.png", "e")]),  # a folder, though it looks like a glob
        ("-", "out", [("[g]/e.png", "[g]/e"), ("f/b.png", "f/b"), (ODD, ODD[:-4]), ("missing.png", "missing")]),
    ],
)
def test_pictures_are_found_and_named(tree, source, out, pictures):
    assert found(source, LINES, out) == pictures
    if source != "-":
        assert found(tree / source, out=tree / out) == [(f"{tree}/{path}", name) for path, name in pictures]


def test_pictures_that_differ_by_their_ending_alone_keep_it(tree):
    Path("f/b.jpg").touch()
    assert [name for _, name in found("f")] == ["a", "b.jpg", "b.png", "sub/deep/c"]
    Path("f/b.png.png").touch()
    with pytest.raises(UserError, match=r"^b\.png would be the name of two predictions; predict them one after"):
        found("f")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing.png", r"^nothing\.png: no such file or folder; check the path$"),
        ("f/*.tiff", r"^f/\*\.tiff matches no picture \(\.bmp, .*\); name another place, or a video$"),
        ("", r"^SOURCE is empty; name a picture, a folder, a glob or a video, or - for a list$"),
        ("empty", r"^empty and its subfolders hold no picture \(\.bmp"),
        ("-", r"^the list on the standard input is empty; write the path of a picture on each line$"),
        ("pipe", r"^pipe is a named pipe; name a picture, a folder, a glob or a video, or - for a list$"),
        ("link", r"^link is a broken link to nowhere"),
    ],
)
def test_a_source_without_pictures_is_named_with_a_remedy(tree, source, message):
    Path("empty").mkdir()
    os.mkfifo("pipe")
    Path("link").symlink_to("nowhere")
    with pytest.raises(UserError, match=message):
        found(source, [b"\n"])


def test_a_file_that_is_not_called_like_a_picture_is_taken_for_a_video(tree):
    assert [is_video(source) for source in ("f/film.mp4", "f/b.png", "f", "*.mp4", "-", "f/notes.txt")] == [
        *(True, False, False, False, False, True)
    ]


PICTURE = cv2.resize(np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8), (48, 32))  # smooth, so JPEG fits


@pytest.mark.parametrize(("ending", "most"), [(".png", 0), (".bmp", 0), (".tif", 0), (".jpg", 4), (".webp", 4)])
def test_kinds_of_pictures_come_back(tmp_path, ending, most):
    cv2.imwrite(str(tmp_path / f"a{ending}"), PICTURE[..., ::-1])
    assert np.abs(read_picture(tmp_path / f"a{ending}").astype(int) - PICTURE).mean() <= most


def test_a_grey_picture_of_16_bits_and_one_with_an_alpha_channel_become_rgb_of_8_bits(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((2, 3), 0x1234, np.uint16))
    cv2.imwrite(str(tmp_path / "alpha.png"), np.full((2, 3, 4), (1, 2, 3, 4), np.uint8))
    assert np.array_equal(read_picture(tmp_path / "deep.png"), np.full((2, 3, 3), 0x12, np.uint8))
    assert np.array_equal(read_picture(tmp_path / "alpha.png"), np.full((2, 3, 3), (3, 2, 1), np.uint8))


def test_a_photo_is_turned_upright(tmp_path):
    data = cv2.imencode(".jpg", PICTURE[..., ::-1])[1].tobytes()
    # one entry in one directory: orientation (0x0112), of 16 bits, is 6: to be turned by 90 degrees clockwise
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    path, lying = tmp_path / "a.jpg", tmp_path / "lying.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    lying.write_bytes(data)
    assert np.array_equal(read_picture(path), np.rot90(read_picture(lying), -1))


@pytest.mark.parametrize(("content", "what"), [(b"", ""), (b"text", ""), (b"BM and no more", r" \(it is a BMP\)")])
def test_what_is_no_picture_is_named(tmp_path, content, what):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=rf"a\.png is not a readable PNG or JPEG{what}; replace it"):
        read_picture(tmp_path / "a.png")
