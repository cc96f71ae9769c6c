"""What servers do wrong: every damaged file is thrown away or completed, and the next call gets the whole one."""

import gc
import gzip
import hashlib
import re
import warnings
import zipfile
from contextlib import nullcontext, suppress
from io import BytesIO
from pathlib import Path

import pytest
import requests
from conftest import FileServer

from roadseg.data import download as module
from roadseg.data.archives import check_archive
from roadseg.data.download import download, stored_path
from roadseg.pipeline.errors import UserError

OLD, NEW = (bytes(range(start, start + 100)) * 6000 for start in (0, 100))


@pytest.fixture
def url(http_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0))
    (http_server.root / "data.bin").write_bytes(OLD)
    return f"{http_server.url}/data.bin"


def begin(url: str, store: Path, server: FileServer) -> None:
    """Fetch a part of the old file, and break off."""
    server.cut_after, server.statuses = 300_000, []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PAUSES", ())
        with pytest.raises(UserError, match="broken one"):
            download(url, store)
    part = stored_path(url, store).with_name("data.bin.part")
    assert 0 < part.stat().st_size <= 300_000
    server.asked.clear()


def refusal(url: str, store: Path) -> str:
    """Why the file can't be had."""
    with pytest.raises(UserError) as caught:
        download(url, store)
    return str(caught.value)


def left(url: str, store: Path) -> list[str]:
    return sorted(file.name for file in stored_path(url, store).parent.iterdir())


def test_goes_on_with_the_same_file(url: str, tmp_path: Path, http_server: FileServer) -> None:
    http_server.headers["ETag"] = '"old"'
    begin(url, tmp_path, http_server)
    path, _ = download(url, tmp_path)
    assert path.read_bytes() == OLD
    assert http_server.asked[0] is not None
    assert left(url, tmp_path) == ["data.bin"]


@pytest.mark.parametrize("known_by", ["ETag", "Last-Modified", "length"])
def test_begins_anew_where_the_file_changed_between_two_parts(
    url: str, tmp_path: Path, http_server: FileServer, known_by: str
) -> None:
    old, new = {"ETag": ('"a"', '"b"'), "Last-Modified": ("Mon", "Tue"), "length": (None, None)}[known_by]
    http_server.headers = {known_by: old} if old else {}
    begin(url, tmp_path, http_server)
    http_server.headers = {known_by: new} if new else {}
    content = NEW if old else NEW[:-1]
    (http_server.root / "data.bin").write_bytes(content)
    assert download(url, tmp_path)[0].read_bytes() == content


@pytest.mark.parametrize("said", ["bytes 5-9/600000", "bytes 0-599999/600000", "bytes */600000", "all of it", ""])
def test_wrong_content_range(url: str, tmp_path: Path, http_server: FileServer, said: str) -> None:
    begin(url, tmp_path, http_server)
    http_server.headers["Content-Range"] = said
    assert download(url, tmp_path)[0].read_bytes() == OLD
    assert http_server.asked[-1] is None


@pytest.mark.parametrize("said", [f"{len(OLD)}, {len(OLD)}", "much", "-1", None])
def test_length_that_is_no_number(url: str, tmp_path: Path, http_server: FileServer, said: str | None) -> None:
    http_server.headers["Content-Length"] = said
    assert download(url, tmp_path)[0].read_bytes() == OLD


class EndsEarly(requests.Response):
    """An answer that ends before the length that it names, and the connection does not say so."""

    def __init__(self, content: bytes, length: str | None, **headers: str) -> None:
        super().__init__()
        self.status_code, self.raw = 200, BytesIO(content)
        self.headers.update(headers | ({"Content-Length": length} if length else {}))


@pytest.mark.parametrize(
    ("length", "headers", "whole"),
    [
        ("5", {}, True),
        ("5, 5", {}, True),
        ("6", {}, False),
        ("4", {}, False),
        (None, {}, True),
        ("6, 5", {}, True),  # says nothing, as do the next ones
        ("six", {}, True),
        ("\N{SUPERSCRIPT SIX}", {}, True),
        ("6", {"Content-Encoding": "br"}, True),
        ("6", {"Content-Encoding": " Identity "}, False),
    ],
)
def test_length_that_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: str | None, headers: dict[str, str], whole: bool
) -> None:
    monkeypatch.setattr(requests, "get", lambda *_, **__: EndsEarly(b"12345", length, **headers))
    with suppress(requests.ConnectionError) if not whole else nullcontext():
        module.transfer("https://host/data.bin", tmp_path / "data.bin.part")
        assert whole
    assert (tmp_path / "data.bin.part").read_bytes() == b"12345"  # stays for the next try


def test_two_lengths_that_differ(url: str, tmp_path: Path, http_server: FileServer) -> None:
    http_server.headers["Content-Length"] = "1, 2"
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        message = refusal(url, tmp_path)
        gc.collect()  # urllib3 leaves the socket of an answer that it refuses to the collector: let it be found here
    assert re.search(r"data\.bin: .*; download it by hand", message)
    assert "\n" not in message
    http_server.headers.clear()
    assert download(url, tmp_path)[0].read_bytes() == OLD


@pytest.mark.parametrize(("level", "cut_after"), [(9, None), (0, 300_000)], ids=["whole", "cut"])
def test_packed_in_spite_of_identity(
    url: str, tmp_path: Path, http_server: FileServer, level: int, cut_after: int | None
) -> None:
    (http_server.root / "data.bin").write_bytes(gzip.compress(OLD, level))
    http_server.headers["Content-Encoding"] = "gzip"
    http_server.cut_after = cut_after
    assert download(url, tmp_path)[0].read_bytes() == OLD  # from its start: a part of what is packed goes nowhere


@pytest.mark.parametrize(
    "message", [b'{"error": "not found"}', b'[{"code": 5}]', b"\xef\xbb\xbf {}", b"<html>", b"\n<a>"]
)
def test_message_instead_of_the_file(url: str, tmp_path: Path, http_server: FileServer, message: bytes) -> None:
    (http_server.root / "data.bin").write_bytes(message)
    with pytest.raises(UserError, match=r"the server sent a (web page|JSON message) instead of the file; download it"):
        download(url, tmp_path)
    assert left(url, tmp_path) == []
    (http_server.root / "data.bin").write_bytes(OLD)
    assert download(url, tmp_path)[0].read_bytes() == OLD


def test_archive_that_was_cut_unnoticed_is_thrown_away(url: str, tmp_path: Path, http_server: FileServer) -> None:
    file = http_server.root / "data.bin"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("frame.png", OLD)
    http_server.headers["Content-Length"] = None  # the end of the connection is the end of the file
    http_server.cut_after = 300_000
    with pytest.raises(UserError, match=r"data\.bin: what came: damaged.*; deleted it; run again, or download it by"):
        download(url, tmp_path, check=check_archive)
    assert left(url, tmp_path) == []
    path, digest = download(url, tmp_path, check=check_archive)
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert path.read_bytes() == file.read_bytes()


def test_server_that_stalls_goes_on_in_the_next_try(
    url: str, tmp_path: Path, http_server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", (1.0, 0.2))
    http_server.stall = 0.6
    assert download(url, tmp_path)[0].read_bytes() == OLD
    assert http_server.asked[0] is None
    assert http_server.asked[1] == f"bytes={1 << 18}-"  # whole pieces alone are kept


def test_a_stalling_server_is_left_within_90_seconds() -> None:
    assert (len(module.PAUSES) + 1) * module.TIMEOUT[1] + sum(module.PAUSES) <= 90
