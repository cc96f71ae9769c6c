import hashlib
import socket
from pathlib import Path

import pytest
from conftest import FileServer

from roadseg import download as module
from roadseg.download import download, stored_path
from roadseg.errors import UserError

CONTENT = bytes(range(256)) * 4000  # about 1 MB
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def url(http_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(module, "PAUSES", (0.0, 0.0))
    (http_server.root / "data.zip").write_bytes(CONTENT)
    return f"{http_server.url}/data.zip"


def test_download_once(url: str, store: Path, http_server: FileServer) -> None:
    path, digest = download(url, store)
    assert path == stored_path(url, store)
    assert path.read_bytes() == CONTENT
    assert digest == DIGEST
    assert [file.name for file in path.parent.iterdir()] == ["data.zip"]
    assert download(url, store, DIGEST.upper()) == (path, DIGEST)
    assert http_server.asked == [None]


def test_stored_path_is_of_the_whole_address(store: Path) -> None:
    path = stored_path("https://a.org/x/data.zip?v=1", store)
    assert path.name == "data.zip"
    assert path.parent.name == hashlib.sha256(b"https://a.org/x/data.zip?v=1").hexdigest()[:16]
    assert path != stored_path("https://a.org/x/data.zip?v=2", store)
    assert stored_path("https://a.org/", store).name == "file"
    assert stored_path("https://a.org/x/..", store).name == "file"


def test_broken_transfer_goes_on_within_a_call(url: str, store: Path, http_server: FileServer) -> None:
    http_server.cut_after = 600_000
    assert download(url, store)[1] == DIGEST
    first, second = http_server.asked
    assert first is None
    assert second is not None
    assert 0 < int(second.removeprefix("bytes=").removesuffix("-")) <= 600_000


def test_broken_transfer_goes_on_in_the_next_call(url: str, store: Path, http_server: FileServer) -> None:
    part = stored_path(url, store).with_name("data.zip.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    assert download(url, store)[1] == DIGEST
    assert http_server.asked == ["bytes=1000-"]
    assert not part.exists()


def test_server_without_ranges(url: str, store: Path, http_server: FileServer) -> None:
    http_server.ranges = False
    http_server.cut_after = 600_000
    assert download(url, store)[1] == DIGEST
    assert len(http_server.asked) == 2


def test_part_longer_than_the_file_begins_anew(url: str, store: Path, http_server: FileServer) -> None:
    part = stored_path(url, store).with_name("data.zip.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT + b"more")
    assert download(url, store)[1] == DIGEST
    assert http_server.asked == [f"bytes={len(CONTENT) + 4}-", None]


def test_busy_server_is_asked_again(url: str, store: Path, http_server: FileServer) -> None:
    http_server.statuses = [503, 429]
    assert download(url, store)[1] == DIGEST


def by_hand(url: str, store: Path) -> str:
    return f"; download it by hand and put it at {stored_path(url, store)}"


def assert_fails_then_works(url: str, store: Path, reason: str, fix: object = None) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        download(url, store)
    assert str(caught.value).startswith(f"{url}: ")
    assert str(caught.value).endswith(by_hand(url, store))
    assert "\n" not in str(caught.value)
    assert not stored_path(url, store).exists()
    if callable(fix):
        fix()
    assert download(url, store)[1] == DIGEST


def test_missing_archive_is_asked_for_once(url: str, store: Path, http_server: FileServer) -> None:
    http_server.statuses = [404]
    assert_fails_then_works(url, store, "the server answers 404 Not Found")
    assert len(http_server.asked) == 2


def test_server_that_stays_broken(url: str, store: Path, http_server: FileServer) -> None:
    http_server.statuses = [500] * 3
    assert_fails_then_works(url, store, "the server answers 500 Internal Server Error")


def test_web_page_instead_of_the_file(url: str, store: Path, http_server: FileServer) -> None:
    file = http_server.root / "data.zip"
    file.write_bytes(b"\n<!DOCTYPE HTML><title>Sign in</title>")
    assert_fails_then_works(url, store, "a web page instead of the file", lambda: file.write_bytes(CONTENT))


def test_empty_file(url: str, store: Path, http_server: FileServer) -> None:
    file = http_server.root / "data.zip"
    file.write_bytes(b"")
    assert_fails_then_works(url, store, "only 0 of 0 bytes came", lambda: file.write_bytes(CONTENT))


def test_slow_server(url: str, store: Path, http_server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT", (1.0, 0.1))
    http_server.delay = 0.3

    def fix() -> None:
        http_server.delay = 0.0

    assert_fails_then_works(url, store, "no answer in time", fix)


def test_refused_connection(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", (0.0,))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/data.zip"
        with pytest.raises(UserError, match=r"a broken one \(Connection refused\); download") as caught:
            download(url, store)
    assert str(caught.value).endswith(by_hand(url, store))
    stored_path(url, store).write_bytes(CONTENT)
    assert download(url, store)[1] == DIGEST


def test_address_of_no_known_kind(store: Path) -> None:
    with pytest.raises(UserError, match=r"ftp://a\.org/data\.zip: No connection adapters"):
        download("ftp://a.org/data.zip", store)


def test_wrong_checksum(url: str, store: Path) -> None:
    with pytest.raises(UserError, match=f"its sha256 is {DIGEST}, not {'0' * 64}; .*run again"):
        download(url, store, "0" * 64)
    assert list(stored_path(url, store).parent.iterdir()) == []
    assert download(url, store, DIGEST)[1] == DIGEST
