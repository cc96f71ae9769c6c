"""What several tests share: a finished project, a small file server, and small data in the two layouts."""

import copy
import fcntl
import json
import os
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from roadseg.frames.classes import CITYSCAPES, write_classes
from roadseg.pipeline.catalogues import CATALOGUES, read_params

ROOT = Path(__file__).parents[1]
PARAMS = read_params(ROOT / "params.yaml")  # with the catalogues of conf/, as the tests start in the project
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests keep downloads and frames apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROADSEG_STORE", str(tmp_path_factory.mktemp("store")))
        yield


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """What tests start can be interrupted, also where a script runs the tests in the background, which ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project in which all stages have run; made once for all workers of pytest-xdist. Copy it to change it."""
    from small_project import finish_project  # which loads torch

    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / "finished"
    with (root / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            finish_project(unfinished := tmp_path_factory.mktemp("unfinished"))
            unfinished.rename(folder)
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished project, which is the present folder."""
    from small_project import copy_project

    copy_project(finished, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(sys, "argv", ["stage.py"])
    return tmp_path / "project"


class FileServer(ThreadingHTTPServer):
    """Serves the files of `root` at `url`, ranges included, and can be made to fail."""

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.ranges = True  # False: ignores them, as some servers do
        self.statuses: list[int] = []  # what the next requests are answered with
        self.cut_after: int | None = None  # breaks the next transfer after so many bytes
        self.delay = 0.0  # seconds before each answer
        self.stall = 0.0  # seconds in the middle of the next transfer
        self.headers: dict[str, str | None] = {}  # sent in place of the usual ones; None: left out
        self.asked: list[str | None] = []  # the Range of each request so far


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        header = self.headers.get("Range")
        self.server.asked.append(header)
        if self.server.headers.get("ETag", condition := self.headers.get("If-Range")) != condition:
            header = None  # the file is another one than the client has begun with
        time.sleep(self.server.delay)
        file = self.server.root / self.path.lstrip("/")
        if self.server.statuses:
            self.send_error(self.server.statuses.pop(0))
        elif not file.is_file():
            self.send_error(404)
        else:
            self._send(file.read_bytes(), int(header[6:-1]) if header and self.server.ranges else 0)

    def _send(self, data: bytes, start: int) -> None:
        if start and start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        headers: dict[str, str | None] = {"Content-Length": str(len(data) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        for name, value in (headers | self.server.headers).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        cut, self.server.cut_after = self.server.cut_after, None
        stall, self.server.stall = self.server.stall, 0.0
        with suppress(ConnectionError):  # the client may have given up
            content = data[start:][:cut]
            self.wfile.write(content[: len(content) // 2])
            time.sleep(stall)
            self.wfile.write(content[len(content) // 2 :])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def http_server(tmp_path: Path) -> Iterator[FileServer]:
    """A server of the empty folder `http_server.root` on this machine."""
    root = tmp_path / "served"
    root.mkdir()
    with FileServer(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def write_seg_data(
    folder: Path, train: int = 3, val: int = 1, test: int = 2, height: int = 32, width: int = 48, seed: int = 0
) -> Path:
    """Write small frames as the stage `fetch_data` leaves them, splits.json included, and give back `folder`.

    Stems are 000000_10, ... over training and testing; an image is noise, its label 8x8 blocks of classes 0..18 and 255
    with at least the pixel at (0, 0) of class 0.
    """
    rng = np.random.default_rng(seed)
    stems = [f"{index:06d}_10" for index in range(train + val + test)]
    for index, stem in enumerate(stems):
        part = folder / ("training" if index < train + val else "testing")
        blocks = rng.choice(np.array([*range(19), 255], np.uint8), (-(-height // 8), -(-width // 8)))
        blocks[0, 0] = 0
        label = blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
        write_picture(part / "image" / f"{stem}.png", rng.integers(0, 256, (height, width, 3), np.uint8))
        write_picture(part / "label" / f"{stem}.png", label)
    splits = {"train": stems[:train], "val": stems[train : train + val], "test": stems[train + val :]}
    write_classes(folder, CITYSCAPES)
    (folder / "splits.json").write_text(json.dumps(splits))
    return folder


def changed(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of nested dicts in which some values are others, by their dotted keys."""
    result = copy.deepcopy(dict(content))
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = result
        for name in sections:
            section = section[name]
        section[last] = value
    return result


def _dumped(content: Mapping[str, Any]) -> str:
    return yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False)


def write_params(content: Mapping[str, Any], folder: Path = Path()) -> None:
    """Write params.yaml and the catalogues in conf/ into a project's folder, from what `read_params` gives of them."""
    for key, file in CATALOGUES.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(_dumped(content[key]))
    rest = {key: value for key, value in content.items() if key not in CATALOGUES}
    (folder / "params.yaml").write_text(_dumped(rest))


def write_picture(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes(picture))


def picture_bytes(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def write_kitti(path: Path, stems: list[str], label: np.ndarray | None = None) -> Path:
    """Write a zip like the official archive: images of noise, all labels `label`, by default 8x16 of road (7), car (26)
    and -1.
    """
    if label is None:
        label = np.repeat(np.array([7, 26, 0, 255], np.uint8), 4)[None].repeat(8, axis=0)
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for stem in stems:
            image = rng.integers(0, 256, (*label.shape, 3), np.uint8)
            archive.writestr(f"training/image_2/{stem}.png", picture_bytes(image))
            archive.writestr(f"training/semantic/{stem}.png", picture_bytes(label))
            archive.writestr(f"training/semantic_rgb/{stem}.png", b"not used")
        archive.writestr("testing/image_2/000000_10.png", b"not used")
    return path
