"""What is no file, or is too large, is refused by a look at it, before a byte of it is read."""

import os
import socket
from pathlib import Path

import pytest

from roadseg.frames import reading
from roadseg.frames.reading import is_litter, kind_of, read_bytes
from roadseg.pipeline.errors import UserError


def test_a_file_is_read_through_links(tmp_path):
    (tmp_path / "a").write_bytes(b"some bytes")
    (tmp_path / "b").symlink_to("a")
    assert read_bytes(tmp_path / "b") == b"some bytes"


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_bytes(tmp_path / "a")


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
    (tmp_path / "broken").symlink_to("away/from here")
    (tmp_path / "round").symlink_to("and round")
    (tmp_path / "and round").symlink_to("round")
    with pytest.raises(UserError, match="broken is a broken link to away/from here; repair it, or remove it"):
        read_bytes(tmp_path / "broken")
    with pytest.raises(UserError, match="round is a link that leads back to itself; remove it"):
        read_bytes(tmp_path / "round")


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    with (tmp_path / "a").open("wb") as file:
        file.truncate(3 * 2**30)  # a hole, which takes no space
    with pytest.raises(UserError, match="a has 3072 MiB, and a picture may have 512; save it smaller"):
        read_bytes(tmp_path / "a")


def test_a_file_that_grows_is_not_read_to_its_end(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"some bytes")
    monkeypatch.setattr(reading, "MAX_BYTES", 4)
    sizes = []
    monkeypatch.setattr(reading, "check_size", lambda size, _: sizes.append(size))
    assert read_bytes(tmp_path / "a") == b"some "
    assert sizes == [10, 5]


@pytest.mark.parametrize("name", [".DS_Store", "._a.png", "a/.hidden/b.png", "__MACOSX/a.png", "a/Thumbs.db", ".a"])
def test_litter(name):
    assert is_litter(name)


@pytest.mark.parametrize("name", ["a.png", "./a.png", "a/b.c/d.png", "thumbs.png", "a..png"])
def test_no_litter(name):
    assert not is_litter(name)


def test_a_name_with_broken_bytes_is_shown_in_one_line(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/Stra\xdfe\n"))
    path.symlink_to("nowhere")
    with pytest.raises(UserError, match=r"/Stra\\xdfe\\n is a broken link to nowhere"):
        read_bytes(path)
