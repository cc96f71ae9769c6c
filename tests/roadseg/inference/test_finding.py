"""Which pictures a source names, in which order, and what their predictions are called."""

import os
from pathlib import Path

import pytest

from roadseg.inference.finding import find_pictures, is_video
from roadseg.pipeline.errors import UserError

OUT = Path("out")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("f/b.png", "f/a.JPG", "f/sub/deep/c.webp", "f/notes.txt", "f/.hidden/d.png", "f/film.mp4", "g/e.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


def found(source, lines=(), out=OUT):
    return [(str(one.path), str(one.name)) for one in find_pictures(str(source), lines, out)]


def test_a_folder_gives_its_pictures_with_their_subfolders_and_no_litter(tree):
    assert found("f") == [("f/a.JPG", "a"), ("f/b.png", "b"), ("f/sub/deep/c.webp", "sub/deep/c")]


def test_a_picture_is_named_after_itself(tree):
    assert found("f/b.png") == [("f/b.png", "b")]
    assert found(tree / "f" / "b.png") == [(f"{tree}/f/b.png", "b")]


def test_what_is_written_into_the_folder_is_no_source(tree):
    assert found("f", out=tree / "f" / "sub") == [("f/a.JPG", "a"), ("f/b.png", "b")]


def test_a_glob_gives_pictures_named_from_the_folder_around_them(tree):
    assert found("**/*.png") == [("f/b.png", "f/b"), ("g/e.png", "g/e")]
    assert found("f/*") == [("f/a.JPG", "a"), ("f/b.png", "b")]
    assert found(f"{tree}/f/**/c.*") == [(f"{tree}/f/sub/deep/c.webp", "c")]


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tree):
    Path("g").rename("[g]")
    assert found("[g]") == [("[g]/e.png", "e")]


def test_a_list_keeps_its_order_without_empty_lines_and_repetitions(tree):
    odd = os.fsdecode(b"f/\xff.png")  # the name need not be text
    lines = [b"g/e.png\n", b"\n", b"f/b.png\r\n", b"g/e.png\n", b"f/\xff.png\n", b"missing.png"]
    assert found("-", lines) == [("g/e.png", "g/e"), ("f/b.png", "f/b"), (odd, odd[:-4]), ("missing.png", "missing")]


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
