"""Each answer of a server that is not the archive is refused, and the next run takes the whole archive."""

import gzip

import pytest
from conftest import write_kitti
from refusals import refusal
from small_project import set_params

import fetch_data
from roadseg.pipeline import paths

# the answer's content made from the archive, headers in place of the usual ones, and what the server does besides
WHOLE = bytes
ANSWERS = {
    "a web page": (lambda _: b"<!doctype html><p>sign in", {}, {}),
    "an XML message": (lambda _: b"<?xml version='1.0'?><Error/>", {}, {}),
    "a JSON message": (lambda _: b'{"error": "quota"}', {}, {}),
    "a list of messages": (lambda _: b'[{"code": 5}]', {}, {}),
    "nothing": (lambda _: b"", {}, {}),
    "text": (lambda _: b"moved\n", {}, {}),
    "zeroes": (lambda data: bytes(len(data)), {}, {}),
    "cut without a length": (lambda data: data[:-100], {"Content-Length": None}, {}),
    "cut to a half without a length": (lambda data: data[: len(data) // 2], {"Content-Length": None}, {}),
    "its end alone": (lambda data: data[len(data) // 2 :], {}, {}),
    "a damaged member": (lambda data: data[:100] + bytes(200) + data[300:], {}, {}),
    "packed, and not said": (gzip.compress, {}, {}),
    "packing that is said, and isn't": (WHOLE, {"Content-Encoding": "gzip"}, {}),
    "an unknown packing, cut": (lambda data: data[:-100], {"Content-Encoding": "zz"}, {}),
    "two lengths": (WHOLE, {"Content-Length": "1, 2"}, {}),
    "too long a length": (WHOLE, {"Content-Length": "99999999"}, {}),
    "too short a length": (WHOLE, {"Content-Length": "500"}, {}),
    **{f"status {status}": (WHOLE, {}, {"statuses": [status] * 9}) for status in (400, 401, 403, 404, 410, 418, 429)},
    **{f"status {status}": (WHOLE, {}, {"statuses": [status] * 9}) for status in (500, 502, 503, 504)},
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch, http_server):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("ROADSEG_STORE", str(tmp_path / "store"))  # which keeps a part, to go on with it
    monkeypatch.setattr("roadseg.data.download.PAUSES", (0.0,))
    write_kitti(http_server.root / "data.zip", [f"{number:06d}_10" for number in range(8)])
    set_params(**{"data.source": "kitti", "data.kitti.url": f"{http_server.url}/data.zip"})


def fetched():
    """The stage's outputs after a run that nothing disturbs."""
    fetch_data.main()
    return sorted(path.name for path in (paths.SEG_DATA / "training/label").iterdir())


@pytest.mark.timeout(100)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # urllib3 leaves the socket to Python
@pytest.mark.parametrize("name", ANSWERS)
def test_answer(name, http_server, record_property):
    record_property("trust", "bad downloads")
    change, headers, behaviour = ANSWERS[name]
    file = http_server.root / "data.zip"
    whole = file.read_bytes()
    file.write_bytes(change(whole))
    http_server.headers.update(headers)
    vars(http_server).update(behaviour)
    lines = refusal("fetch_data", server_here=True)
    assert http_server.url.removeprefix("http://") in lines[0]
    assert not paths.SEG_DATA.exists()
    file.write_bytes(whole)
    http_server.headers.clear()
    http_server.statuses.clear()
    assert fetched()


ADDRESSES = [
    "http://127.0.0.1:9/data.zip",
    "http://no-such-host.invalid/data.zip",
    "ftp://127.0.0.1/data.zip",
    "data.zip",
]


@pytest.mark.timeout(100)
@pytest.mark.parametrize("url", ADDRESSES)
def test_address(url, record_property):
    record_property("trust", "bad downloads")
    set_params(**{"data.source": "kitti", "data.kitti.url": url})
    refusal("fetch_data", server_here=True)
    assert not paths.SEG_DATA.exists()


def test_a_wrong_digest(http_server, record_property):
    record_property("trust", "bad downloads")
    url = f"{http_server.url}/data.zip"
    set_params(**{"data.source": "kitti", "data.kitti.url": url, "data.kitti.sha256": "0" * 64})
    refusal("fetch_data", server_here=True)
    set_params(**{"data.source": "kitti", "data.kitti.url": url})
    assert fetched()
