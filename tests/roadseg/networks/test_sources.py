"""Where weights come from: no test touches the network, each fakes a library at its border or asks a local server."""

import errno
import hashlib
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

from roadseg.networks import sources
from roadseg.networks.sources import resolve, smp_encoder
from roadseg.networks.weights import Weights, read_tensors
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Source

ID = "1PO-Y-k4nquA8lYg7TeMekW3HVsq5eA3s"
ROW = {"imagenet": Source(source="smp:imagenet"), "cityscapes": Source(source=f"gdrive:{ID}")}
PAGE = b"<!DOCTYPE html><title>Quota exceeded</title>"


def fetch(uri: str, store: Path, sha256: str | None = None) -> Weights:
    return sources.fetch(Source(source=uri, sha256=sha256), store, read_tensors)


# --- names


@pytest.mark.parametrize(
    "uri", ["gdrive:x", "file:a/b.pth", "exp:a", "https://host/x", "http://host/x", "hf:a/b:c.pt", "smp:imagenet"]
)
def test_a_uri_is_itself(uri: str) -> None:
    assert resolve(uri, ROW).source == uri


def test_a_name_is_the_uri_of_the_row() -> None:
    assert resolve("cityscapes", ROW).source == f"gdrive:{ID}"


@pytest.mark.parametrize("wrong", ["citiscapes", "weights.pth", "ftp://host/x", "gdrive:", "mine"])
def test_names_what_there_is_for_an_unknown_name(wrong: str) -> None:
    row = ROW | {"mine": Source(source="mine")}
    with pytest.raises(UserError, match=rf"pretrained: '{wrong}' is unknown; choose from none, imagenet, .*file:PATH"):
        resolve(wrong, row)


def test_no_secret_of_an_unknown_name_is_in_its_error() -> None:
    with pytest.raises(UserError, match=r"'ftp://\.\.\.@host/w\?key=\.\.\.' is unknown"):
        resolve("ftp://me:s3cret@host/w?key=s3cret", {})


# --- files


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pth"
    torch.save({"a": torch.arange(3.0)}, path)
    return path


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


@pytest.mark.parametrize("scheme", ["file", "web", "gdrive", "hf"])
@pytest.mark.usefixtures("drive")
def test_another_file_than_the_one_meant_is_refused(
    scheme: str, weights: Path, http_server: FileServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (http_server.root / "w.pth").write_bytes(weights.read_bytes())
    monkeypatch.setattr(sources, "hf_hub_download", lambda *_: str(weights))
    uris = {"file": f"file:{weights}", "web": f"{http_server.url}/w.pth", "gdrive": f"gdrive:{ID}", "hf": "hf:a/b:w"}
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert list(fetch(uris[scheme], tmp_path / "store", digest.upper()).tensors) == ["a"]
    for store in ("another", "store"):  # where it is fetched, and where it is already
        with pytest.raises(UserError, match=f"its sha256 is {digest}, not {'0' * 64}"):
            fetch(uris[scheme], tmp_path / store, "0" * 64)
    assert files_in(tmp_path / "another") == []


def test_reads_a_file_by_absolute_relative_and_home_path(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(weights.parent)
    monkeypatch.setenv("HOME", str(weights.parent))
    for path in (str(weights), "weights.pth", "~/weights.pth"):
        assert fetch(f"file:{path}", weights.parent / "store").tensors["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.pth", r"^file:no\.pth: there is no such file; correct the path \(relative ones start at"),
        *((path, r"^file:.*; correct the path") for path in ("~nobody-of-this-name/w.pth", "a\0b", "n" * 5000)),
    ],
)
def test_a_path_that_leads_nowhere_is_one_line(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fetch(f"file:{path}", tmp_path)


# --- downloads


def files_in(folder: Path) -> list[str]:
    """Apart from the empty ones by which processes keep out of each other's way."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_downloads_once(http_server: FileServer, weights: Path, tmp_path: Path) -> None:
    (http_server.root / "w.pth").write_bytes(weights.read_bytes())
    for _ in range(2):
        assert fetch(f"{http_server.url}/w.pth", tmp_path / "store").tensors["a"].tolist() == [0, 1, 2]
    assert len(http_server.asked) == 1


@pytest.mark.parametrize("wrong", [PAGE, b"\x80\x02cut short"])
def test_a_wrong_download_does_not_stay(http_server: FileServer, weights: Path, tmp_path: Path, wrong: bytes) -> None:
    (http_server.root / "w.pth?key=s3cret").write_bytes(wrong)
    with pytest.raises(UserError, match=rf"^{http_server.url}/w\.pth\?key=\.\.\.: "):
        fetch(f"{http_server.url}/w.pth?key=s3cret", tmp_path / "store")
    assert files_in(tmp_path / "store") == []
    (http_server.root / "w.pth?key=s3cret").write_bytes(weights.read_bytes())
    assert list(fetch(f"{http_server.url}/w.pth?key=s3cret", tmp_path / "store").tensors) == ["a"]


def test_drive_is_asked_once(drive: FakeDrive, tmp_path: Path) -> None:
    for _ in range(2):
        assert list(fetch(f"gdrive:{ID}", tmp_path / "store").tensors) == ["a"]
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
        fetch(f"gdrive:{ID}", tmp_path / "store")
    line, place = str(caught.value), tmp_path / "store/gdrive" / f"{ID}.pth"
    assert message in line
    assert line.endswith(f"from https://drive.google.com/file/d/{ID}/view and put it at {place}, or give file:PATH")
    assert "\n" not in line
    assert files_in(place.parent) == []
    weights.rename(place)  # what the line says to do
    assert list(fetch(f"gdrive:{ID}", tmp_path / "store").tensors) == ["a"]


def test_drive_works_after_a_failure(drive: FakeDrive, weights: Path, tmp_path: Path) -> None:
    drive.content = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(UserError, match=r"No space left on device; free some space, or set ROADSEG_STORE"):
        fetch(f"gdrive:{ID}", tmp_path)
    drive.content = weights.read_bytes()
    assert list(fetch(f"gdrive:{ID}", tmp_path / "store").tensors) == ["a"]


def test_a_broken_file_put_by_hand_is_named_and_kept(drive: FakeDrive, tmp_path: Path) -> None:
    place = tmp_path / "gdrive" / f"{ID}.pth"
    place.parent.mkdir()
    place.write_bytes(PAGE)
    with pytest.raises(UserError, match=rf"^{place} is a web page.*or remove it to have it fetched again"):
        fetch(f"gdrive:{ID}", tmp_path)
    assert place.exists()
    with pytest.raises(UserError, match="not a Drive file ID; give the part after /d/"):
        fetch(f"gdrive:https://drive.google.com/file/d/{ID}/view", tmp_path)
    assert drive.asked == []


# --- the hub, and smp


def hub_error(kind: type[errors.HfHubHTTPError], status: int) -> errors.HfHubHTTPError:
    request = httpx2.Request("HEAD", "https://huggingface.co/some/repo")
    return kind("the server's answer", response=httpx2.Response(status, request=request))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, str, bool]]]:
    """Let the hub have these local files by name, or raise these errors; gives back what it is asked for."""

    def have(files: dict[str, Path | Exception]) -> list[tuple[str, str, bool]]:
        asked: list[tuple[str, str, bool]] = []

        def download(repo: str, filename: str, local_files_only: bool = False, **_: Any) -> str:
            asked.append((repo, filename, local_files_only))
            answer = files.get(filename, hub_error(errors.RemoteEntryNotFoundError, 404))
            if isinstance(answer, Exception):
                raise answer
            return str(answer)

        monkeypatch.setattr(sources, "hf_hub_download", download)
        monkeypatch.setattr("segmentation_models_pytorch.encoders.hf_hub_download", download)
        return asked

    return have


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_the_hub_has_one_file_or_the_other(hub, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_file({"a": torch.ones(1)}, path) if name.endswith("safetensors") else torch.save({"a": torch.ones(1)}, path)
    asked = hub({name: path})
    assert fetch("hf:some/repo", tmp_path).tensors["a"].tolist() == [1]
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
def test_a_failure_of_the_hub_is_one_line(hub, tmp_path: Path, failure: Exception, message: str) -> None:
    hub({"model.safetensors": failure})
    with pytest.raises(UserError, match=f"^hf:some/repo: .*{message}"):
        fetch("hf:some/repo", tmp_path)


def test_without_a_connection_the_hub_is_not_waited_for_twice(hub, tmp_path: Path) -> None:
    away = errors.LocalEntryNotFoundError("a long story")
    asked = hub({"model.safetensors": away, "pytorch_model.bin": away})
    with pytest.raises(UserError, match="hf:a/b: the hub does not answer, and its cache here has no such file; check"):
        fetch("hf:a/b", tmp_path)
    assert asked == [("a/b", "model.safetensors", False), ("a/b", "pytorch_model.bin", True)]


def test_smp_gives_the_encoder_of_the_network(hub, tmp_path: Path) -> None:
    state = get_encoder("mobilenet_v2").state_dict()
    save_file(state, tmp_path / "model.safetensors")
    asked = hub({"model.safetensors": tmp_path / "model.safetensors", "config.json": tmp_path / "not read"})
    tensors = smp_encoder(Source(source="smp:imagenet"), "mobilenet_v2")
    assert list(tensors) == [f"encoder.{key}" for key in state]
    assert torch.equal(tensors["encoder.features.0.0.weight"], state["features.0.0.weight"])
    assert asked[-1][:2] == ("smp-hub/mobilenet_v2.imagenet", "model.safetensors")


@pytest.mark.parametrize(
    ("source", "encoder", "message"),
    [
        (
            {"source": "smp:imagenet"},
            "mobilenet_v2",
            r"smp:imagenet for mobilenet_v2: the hub .*_v2\.imagenet",
        ),
        ({"source": "smp:advprop"}, "mobilenet_v2", "smp:advprop: Wrong pretrained weights .*'imagenet'"),
        ({"source": "smp:imagenet", "sha256": "0" * 64}, "resnet18", r"smp:imagenet: smp fetches these .*; remove it$"),
        ({"source": "smp:imagenet"}, None, "smp:imagenet: this model has no encoder of segmentation_models_pytorch"),
    ],
)
def test_an_encoder_that_smp_cannot_give_is_one_line(hub, source: dict, encoder: str | None, message: str) -> None:
    hub({"config.json": errors.LocalEntryNotFoundError("a long story")})
    with pytest.raises(UserError, match=f"^{message}"):
        smp_encoder(Source.model_validate(source), encoder)
