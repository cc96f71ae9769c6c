import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import FileServer

from roadseg.data import download as module
from roadseg.data.download import check_address, download, shown_url, stored_path
from roadseg.pipeline.errors import UserError

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


def test_of_two_at_once_one_fetches_and_the_other_waits(
    url: str, store: Path, http_server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    http_server.delay = 0.5
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: download(url, store), range(2)))
    assert found == [(stored_path(url, store), DIGEST)] * 2
    assert http_server.asked == [None]
    assert capsys.readouterr().out == "another run fetches the same file; waits for it\n"


def test_nothing_is_held_where_nothing_can_be_locked(url: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise NotImplementedError("no locks here")

    monkeypatch.setattr(module.FileLock, "acquire", refuse)
    assert download(url, store)[1] == DIGEST


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://host:8080/a/x@2x.zip", "https://host:8080/a/x@2x.zip"),
        ("https://me:secret@host/f.zip", "https://...@host/f.zip"),
        ("https://me:sec/re?t@host/f.zip", "https://...@host/f.zip"),
        ("https://host/f?sig=s3cr+et%3D&v=1", "https://host/f?sig=...&v=..."),
        ("https://host/f?s3cret#s3cret", "https://host/f?...#..."),
        ("pool: url: /f?token=secret (broken): why? R&D", "pool: url: /f?token=... (broken): why? R&D"),
        ("no adapter for 'ftp://me:secret@a/b?x=1'", "no adapter for 'ftp://...@a/b?x=...'"),
        ("file:/data/what?.pth", "file:/data/what?.pth"),
    ],
)
def test_shows_addresses_without_secrets(text: str, shown: str) -> None:
    assert shown_url(text) == shown


@pytest.mark.parametrize("user", ["me:secret@", "secret@", "me:sec/re?t@", "${NAME}@"])
def test_refuses_a_user_in_the_address(user: str, store: Path) -> None:
    with pytest.raises(UserError, match=r"^https://\.\.\.@a\.org/x\.zip: has a user name .* into ~/\.netrc") as caught:
        download(f"https://{user}a.org/x.zip", store)
    assert "secret" not in str(caught.value)
    assert "re?t" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://[::1", "https://host:http/x", "https:///x", "https://host:99999/x"])
def test_refuses_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UserError, match=r"no valid address; correct it \(https://host/path\)"):
        check_address(url)


def test_puts_in_the_environments_values_for_the_transfer_alone(
    http_server: FileServer, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (http_server.root / "f?key=s3cret").write_bytes(CONTENT)
    url = f"{http_server.url}/f?key=${{ROADSEG_TEST_KEY}}"
    monkeypatch.delenv("ROADSEG_TEST_KEY", raising=False)
    with pytest.raises(
        UserError, match=r"/f\?key=\.\.\.: the environment variable ROADSEG_TEST_KEY is not set; export"
    ):
        download(url, store)
    monkeypatch.setenv("ROADSEG_TEST_KEY", "s3cret")
    path, digest = download(url, store)
    assert digest == DIGEST
    assert path == stored_path(url, store)
    monkeypatch.delenv("ROADSEG_TEST_KEY")
    assert download(url, store) == (path, digest)


@pytest.mark.parametrize("address", ["ftp://a.org/${ROADSEG_TEST_KEY}/f?a=s3cret", "http://127.0.0.1:1/f?a=s3cret"])
def test_no_secret_is_in_an_error(address: str, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES", ())
    monkeypatch.setenv("ROADSEG_TEST_KEY", "s3cret")
    with pytest.raises(UserError) as caught:
        download(address, store)
    assert "s3cret" not in str(caught.value)


def test_no_secret_is_in_the_line_of_a_wrong_checksum(http_server: FileServer, store: Path) -> None:
    (http_server.root / "f?key=s3cret").write_bytes(CONTENT)
    with pytest.raises(UserError, match=r"/f\?key=\.\.\.: its sha256 is"):
        download(f"{http_server.url}/f?key=s3cret", store, "0" * 64)


def test_takes_user_and_password_from_netrc(
    http_server: FileServer, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (http_server.root / "f").write_bytes(CONTENT)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent, get = [], requests.get

    def spy(url: str, **options: Any) -> requests.Response:
        response = get(url, **options)
        sent.append(response.request.headers["Authorization"])
        return response

    monkeypatch.setattr(requests, "get", spy)
    download(f"{http_server.url}/f", store)
    assert sent == ["Basic bWU6czNjcmV0"]  # me:s3cret in base64
