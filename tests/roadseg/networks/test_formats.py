"""What a file is, told before it is read."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from roadseg.networks import formats
from roadseg.networks.formats import format_of
from roadseg.pipeline.errors import UserError


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("w.pth"))
    return buffer.getvalue()


OTHERS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "empty; get the file again"),
    "note": (b"just a note", "broken, cut short or not a file of tensors; get the file again"),
    "page": (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "a web page, not weights; get the file itself"),
    "json": (b'{"message": "Not Found"}', "text, not weights; get the file itself, or weights in one file"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS.*; run `git lfs pull`"),
    "dvc": (b"outs:\n- md5: 12\n  path: w.pth\n", "a pointer of DVC, .*; run `dvc pull`"),
    "h5": (b"\x89HDF\r\n\x1a\n\0\0", r"an HDF5 file \(Keras, TensorFlow\); give weights of the same network"),
    "onnx": (b"\x08\x08\x12\x07pytorch\x1a\x052.1.0", "an ONNX file; give the state dict that it was exported from"),
    "tflite": (b"\x1c\0\0\0TFL3", "a TensorFlow Lite file; give weights"),
    "gguf": (b"GGUF\x03\0\0\0", "a GGUF file, whose tensors are quantised; give"),
    "npy": (b"\x93NUMPY\x01\0", "a NumPy array; give weights"),
    "gz": (b"\x1f\x8b\x08\0", "an archive; unpack it, and give the file"),
    "tar": (tarred(), "an archive; unpack it, and give the file"),
    "png": (b"\x89PNG\r\n\x1a\n", "a picture or a document, not weights; get the file itself"),
    "keras": (zipped("metadata.json", "config.json", "model.weights.h5"), "a Keras file; give weights"),
    "npz": (zipped("a.npy", "b.npy"), r"a zip of something else \(a\.npy, b\.npy\); unpack it"),
    "pt2": (zipped("e/models/model.json", "e/archive_format"), r"an exported program; .*torch\.export\.load\(FILE\)"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_says_what_another_file_is_and_what_to_do(tmp_path: Path, name: str) -> None:
    content, message = OTHERS[name]
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(UserError, match=rf"w is {message}") as caught:
        format_of(tmp_path / "w")
    assert "\n" not in str(caught.value)


def test_knows_the_files_of_weights(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "zip")
    torch.save({"a": torch.ones(2)}, tmp_path / "pickle", _use_new_zipfile_serialization=False)
    save_file({"a": torch.ones(2)}, tmp_path / "safetensors")
    for form in ("zip", "pickle", "safetensors"):
        assert format_of(tmp_path / form) == form


@pytest.mark.filterwarnings("ignore:`torch.jit", "ignore::DeprecationWarning")
def test_knows_a_script_that_torch_wrote(tmp_path: Path) -> None:
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "w"))
    with pytest.raises(UserError, match=r"w is a TorchScript file; .*torch\.jit\.load"):
        format_of(tmp_path / "w")


def test_folders_and_pipes_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder; no weights are in it"):
        format_of(tmp_path)
    for name in ("config.json", "model.safetensors", "pytorch_model.bin"):
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=r"give the path of the weights in it, such as model\.safetensors, pytorch_mod"):
        format_of(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(UserError, match=rf"{path.name} is a pipe, socket or device, not a file; give the path"):
            format_of(path)


def test_large_pickles_are_refused_by_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w"
    path.write_bytes(b"\x80\x02")
    os.truncate(path, 3 << 30)  # takes no room on the disk
    with pytest.raises(UserError, match=r"w is a pickle of 3072 MiB, .*\(at most 2048 are\); save it with a torch of"):
        format_of(path)
    torch.save({"a": torch.ones(2), "log": "x" * 5000}, path)
    monkeypatch.setattr(formats, "_MOST_OBJECTS", 4000)
    with pytest.raises(UserError, match=r"w holds 0 MiB beside its tensors; save the state dict alone"):
        format_of(path)


def test_a_zip_that_was_packed_once_more_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1000)}, tmp_path / "w")
    with zipfile.ZipFile(tmp_path / "w") as old, zipfile.ZipFile(tmp_path / "new", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(UserError, match="new has been packed once more; get the file again"):
        format_of(tmp_path / "new")
