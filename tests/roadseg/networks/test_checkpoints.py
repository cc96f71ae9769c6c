"""Where weights come from: no test touches the network, each fakes a library at its border or asks a local server."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdown
import httpx2
import pytest
import requests
import torch
from conftest import FileServer
from huggingface_hub import errors
from safetensors.torch import save_file
from segmentation_models_pytorch.encoders import get_encoder

from roadseg.networks import checkpoints
from roadseg.networks.catalogue import build_model
from roadseg.networks.checkpoints import fetch
from roadseg.pipeline.errors import UserError

ID = "1PO-Y-k4nquA8lYg7TeMekW3HVsq5eA3s"
PAGE = b"<!DOCTYPE html><title>Quota exceeded</title>"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.arange(3.0)}, path)
    return path


def hub_error(kind: type[errors.HfHubHTTPError], status: int) -> errors.HfHubHTTPError:
    request = httpx2.Request("HEAD", "https://huggingface.co/some/repo")
    return kind("the server's answer", response=httpx2.Response(status, request=request))


class FakeDrive:
    """Stands for `gdown.download`: writes `content`, or raises it; counts how often it is asked."""

    def __init__(self, content: bytes | Exception) -> None:
        self.content = content
        self.asked: list[str] = []

    def __call__(self, *, id: str, output: str, **options: Any) -> str:
        assert options["retries"] > 0
        assert options["timeout"] > 0
        self.asked.append(id)
        if isinstance(self.content, Exception):
            raise self.content
        Path(output).write_bytes(self.content)
        return output


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, weights: Path) -> FakeDrive:
    fake = FakeDrive(weights.read_bytes())
    monkeypatch.setattr(gdown, "download", fake)
    return fake


@pytest.mark.parametrize("wrong", ["", "abc", "z" * 64, 5])
def test_a_digest_has_64_hexadecimal_digits(wrong: Any) -> None:
    row = {"arch": "baseline_segnet", "pretrained": {"mine": {"source": "file:w.pth", "sha256": wrong}}}
    with pytest.raises(UserError, match=r"^models\.x\.pretrained\.mine\.sha256: "):
        build_model("x", row, 3)


@pytest.mark.parametrize("scheme", ["file", "web", "gdrive", "hf"])
@pytest.mark.usefixtures("drive")
def test_another_file_than_the_one_meant_is_refused(
    scheme: str, weights: Path, http_server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (http_server.root / "w.pth").write_bytes(weights.read_bytes())
    monkeypatch.setattr(checkpoints, "hf_hub_download", lambda *_: str(weights))
    uris = {
        "file": f"file:{weights}",
        "web": f"{http_server.url}/w.pth",
        "gdrive": f"gdrive:{ID}",
        "hf": "hf:a/b:w.pth",
    }
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert list(fetch(uris[scheme], None, tmp_path / "store", digest.upper()).tensors) == ["a"]
    with pytest.raises(UserError, match=f"its sha256 is {digest}, not {'0' * 64}"):
        fetch(uris[scheme], None, tmp_path / "another", "0" * 64)


def test_reads_a_file_by_absolute_relative_and_home_path(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(weights.parent)
    monkeypatch.setenv("HOME", str(weights.parent))
    for path in (str(weights), "weights.pth", "~/weights.pth"):
        assert fetch(f"file:{path}", None, weights.parent / "store").tensors["a"].tolist() == [0, 1, 2]


def test_a_missing_file_is_reported_with_the_folder_it_was_looked_for_in(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"file:no\.pth: there is no such file; correct the path \(relative ones"):
        fetch("file:no.pth", None, tmp_path)


@pytest.mark.parametrize("path", ["~nobody-of-this-name/w.pth", "a\0b", "n" * 5000])
def test_a_path_that_cannot_be_is_one_line(tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match=r"^file:.*; correct the path"):
        fetch(f"file:{path}", None, tmp_path)


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"pipe is a pipe, not a file; give the path of a file of weights"):
        fetch(f"file:{tmp_path / 'pipe'}", None, tmp_path)


def test_no_secret_is_in_an_error(http_server: FileServer, tmp_path: Path) -> None:
    (http_server.root / "w.pth?key=s3cret").write_bytes(b"\x80\x02cut short")
    with pytest.raises(UserError, match=r"/w\.pth\?key=\.\.\.: what came is broken"):
        fetch(f"{http_server.url}/w.pth?key=s3cret", None, tmp_path)


def test_downloads_once(http_server: FileServer, weights: Path, tmp_path: Path) -> None:
    (http_server.root / "w.pth").write_bytes(weights.read_bytes())
    for _ in range(2):
        assert fetch(f"{http_server.url}/w.pth", None, tmp_path / "store").tensors["a"].tolist() == [0, 1, 2]
    assert len(http_server.asked) == 1


def files_in(folder: Path) -> list[str]:
    """Apart from the empty ones by which processes keep out of each other's way."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("wrong", [PAGE, b"\x80\x02cut short"])
def test_a_wrong_download_does_not_stay(http_server: FileServer, weights: Path, tmp_path: Path, wrong: bytes) -> None:
    (http_server.root / "w.pth").write_bytes(wrong)
    with pytest.raises(UserError, match=rf"^{http_server.url}/w.pth: "):
        fetch(f"{http_server.url}/w.pth", None, tmp_path / "store")
    assert files_in(tmp_path / "store") == []
    (http_server.root / "w.pth").write_bytes(weights.read_bytes())
    assert list(fetch(f"{http_server.url}/w.pth", None, tmp_path / "store").tensors) == ["a"]


def test_drive_is_asked_once(drive: FakeDrive, tmp_path: Path) -> None:
    for _ in range(2):
        assert list(fetch(f"gdrive:{ID}", None, tmp_path / "store").tensors) == ["a"]
    assert drive.asked == [ID]
    assert files_in(tmp_path / "store/gdrive") == [f"{ID}.pth"]


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (gdown.FileURLRetrievalError("Too many users\nhave viewed it."), "Too many users have viewed it;"),
        (gdown.DownloadError("Download is incomplete: received 5 bytes"), "received 5 bytes;"),
        (requests.exceptions.ProxyError("no proxy"), "no proxy;"),
        (requests.exceptions.Timeout(), "Timeout;"),
        (PAGE, "what came is a web page, not weights; get"),
        (b"\x80\x02cut short", "what came is broken, cut short or not a file of tensors; get"),
    ],
)
def test_a_failure_of_drive_is_one_line_with_the_way_round(
    drive: FakeDrive, weights: Path, tmp_path: Path, failure: Any, message: str
) -> None:
    drive.content = failure
    with pytest.raises(UserError) as caught:
        fetch(f"gdrive:{ID}", None, tmp_path / "store")
    line, place = str(caught.value), tmp_path / "store/gdrive" / f"{ID}.pth"
    assert message in line
    assert line.endswith(f"from https://drive.google.com/file/d/{ID}/view and put it at {place}, or give file:PATH")
    assert "\n" not in line
    assert files_in(place.parent) == []
    weights.rename(place)  # what the line says to do
    assert list(fetch(f"gdrive:{ID}", None, tmp_path / "store").tensors) == ["a"]


def test_drive_works_after_a_failure(drive: FakeDrive, weights: Path, tmp_path: Path) -> None:
    drive.content = PAGE
    with pytest.raises(UserError):
        fetch(f"gdrive:{ID}", None, tmp_path / "store")
    drive.content = weights.read_bytes()
    assert list(fetch(f"gdrive:{ID}", None, tmp_path / "store").tensors) == ["a"]


def test_a_broken_file_put_by_hand_is_named_and_kept(drive: FakeDrive, tmp_path: Path) -> None:
    place = tmp_path / "gdrive" / f"{ID}.pth"
    place.parent.mkdir()
    place.write_bytes(PAGE)
    with pytest.raises(UserError, match=rf"^{place} is a web page.*or remove it to have it fetched again"):
        fetch(f"gdrive:{ID}", None, tmp_path)
    assert place.exists()
    assert drive.asked == []


def test_a_link_is_no_drive_id(drive: FakeDrive, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a Drive file ID; give the part after /d/"):
        fetch(f"gdrive:https://drive.google.com/file/d/{ID}/view", None, tmp_path)
    assert drive.asked == []


def test_a_full_disk_is_reported_with_its_own_remedy(drive: FakeDrive, tmp_path: Path) -> None:
    drive.content = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(UserError, match=r"No space left on device; free some space, or set ROADSEG_STORE"):
        fetch(f"gdrive:{ID}", None, tmp_path)


def fake_hub(files: dict[str, Path | Exception], asked: list[tuple[str, str, bool]]) -> Callable[..., str]:
    """Stands for `hf_hub_download`: gives the local file of a name, or raises."""

    def download(repo: str, filename: str, local_files_only: bool = False, **_: Any) -> str:
        asked.append((repo, filename, local_files_only))
        answer = files.get(filename, hub_error(errors.RemoteEntryNotFoundError, 404))
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    return download


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_the_hub_has_one_file_or_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_file({"a": torch.ones(1)}, path) if name.endswith("safetensors") else torch.save({"a": torch.ones(1)}, path)
    asked: list[tuple[str, str, bool]] = []
    monkeypatch.setattr(checkpoints, "hf_hub_download", fake_hub({name: path}, asked))
    assert fetch("hf:some/repo", None, tmp_path).tensors["a"].tolist() == [1]
    assert asked[-1] == ("some/repo", name, False)


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (hub_error(errors.RepositoryNotFoundError, 401), "the server's answer; check name and connection"),
        (errors.HFValidationError("Repo id must be in the form a/b."), "Repo id must be in the form a/b; check name"),
        (errors.OfflineModeIsEnabled("offline mode is on"), "offline mode is on; check name and connection"),
        (httpx2.ReadTimeout("timed out"), "timed out; check name and connection"),
        (OSError("https://cdn/x?Signature=s3cret is gone"), r"https://cdn/x\?Signature=\.\.\. is gone; check"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; free some space"),
    ],
)
def test_a_failure_of_the_hub_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, failure: Exception, message: str
) -> None:
    monkeypatch.setattr(checkpoints, "hf_hub_download", fake_hub({"model.safetensors": failure}, []))
    with pytest.raises(UserError, match=f"^hf:some/repo: .*{message}"):
        fetch("hf:some/repo", None, tmp_path)


def test_without_a_connection_the_hub_is_not_waited_for_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, str, bool]] = []
    away = errors.LocalEntryNotFoundError("a long story")
    monkeypatch.setattr(
        checkpoints, "hf_hub_download", fake_hub({"model.safetensors": away, "pytorch_model.bin": away}, asked)
    )
    with pytest.raises(UserError, match="hf:a/b: the hub does not answer, and its cache here has no such file; check"):
        fetch("hf:a/b", None, tmp_path)
    assert asked == [("a/b", "model.safetensors", False), ("a/b", "pytorch_model.bin", True)]


def test_smp_gives_the_encoder_of_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = get_encoder("mobilenet_v2").state_dict()
    save_file(state, tmp_path / "model.safetensors")
    asked: list[tuple[str, str, bool]] = []
    files: dict[str, Path | Exception] = {
        "model.safetensors": tmp_path / "model.safetensors",
        "config.json": tmp_path / "not read",
    }
    monkeypatch.setattr("segmentation_models_pytorch.encoders.hf_hub_download", fake_hub(files, asked))
    tensors = fetch("smp:imagenet", "mobilenet_v2", tmp_path).tensors
    assert list(tensors) == [f"encoder.{key}" for key in state]
    assert torch.equal(tensors["encoder.features.0.0.weight"], state["features.0.0.weight"])
    assert asked[-1][:2] == ("smp-hub/mobilenet_v2.imagenet", "model.safetensors")


def test_smp_without_a_connection_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    away = errors.LocalEntryNotFoundError("a long story")
    monkeypatch.setattr("segmentation_models_pytorch.encoders.hf_hub_download", fake_hub({"config.json": away}, []))
    with pytest.raises(UserError, match=r"smp:imagenet for mobilenet_v2: the hub .*smp-hub/mobilenet_v2\.imagenet and"):
        fetch("smp:imagenet", "mobilenet_v2", tmp_path)


def test_smp_names_the_weights_it_has(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"smp:advprop: Wrong pretrained weights .*'imagenet'"):
        fetch("smp:advprop", "mobilenet_v2", tmp_path)


def test_smps_own_weights_have_no_digest_to_check(tmp_path):
    with pytest.raises(
        UserError, match=r"^smp:imagenet: smp fetches these weights itself, so no sha256 .*; remove it$"
    ):
        fetch("smp:imagenet", "mobilenet_v2", tmp_path, sha256="0" * 64)


def test_smp_wants_an_encoder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="smp:imagenet: this model has no encoder of segmentation_models_pytorch"):
        fetch("smp:imagenet", None, tmp_path)
