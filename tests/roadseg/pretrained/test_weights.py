"""Reading files of tensors that others made."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from roadseg.errors import UserError
from roadseg.pretrained.weights import read_tensors


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "model_state_dict"])
@pytest.mark.parametrize("zipped", [True, False])
def test_reads_a_checkpoint_and_leaves_the_rest_out(tmp_path: Path, wrapper: str | None, zipped: bool) -> None:
    state = {"a.weight": torch.arange(3.0), "epoch": 4}
    content = {wrapper: state, "optimizer": {"lr": 0.1}, "loss": torch.ones(1)} if wrapper else state
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    tensors = read_tensors(tmp_path / "w.pth")
    assert list(tensors) == ["a.weight"]
    assert tensors["a.weight"].tolist() == [0, 1, 2]


def test_reads_safetensors_whatever_the_name(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "weights.pth")
    assert read_tensors(tmp_path / "weights.pth")["a"].tolist() == [1, 1]


def test_refuses_a_pickled_network(tmp_path: Path) -> None:
    torch.save(nn.Conv2d(1, 1, 1), tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"w\.pth holds Python objects \(torch.*Conv2d\).*save model\.state_dict\(\)"):
        read_tensors(tmp_path / "w.pth")


def test_runs_no_code_of_a_file(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "harmed"),)

    (tmp_path / "w.pth").write_bytes(pickle.dumps({"a": Attack()}, protocol=2))
    with pytest.raises(UserError, match="holds Python objects"):
        read_tensors(tmp_path / "w.pth")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; get the file again"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "is a web page, not weights; get the file itself"),
        (b"just a note", "is broken, cut short or not a file of tensors"),
        (b"\x99\0\0\0\0\0\0\0{", r"is broken or cut short \(.+\); get the file again"),
    ],
)
def test_refuses_what_is_no_file_of_tensors(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(UserError, match=f"w.pth {message}"):
        read_tensors(tmp_path / "w.pth")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_refuses_a_file_cut_short(tmp_path: Path, zipped: bool, share: float) -> None:
    path = tmp_path / "w.pth"
    torch.save(nn.BatchNorm2d(99).state_dict(), path, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"w\.pth is broken, cut short"):
        read_tensors(path)


@pytest.mark.parametrize("content", [{}, {"epoch": 1}, [1], {"state_dict": {"lr": 0.1}}, {1: torch.ones(1)}])
def test_refuses_a_file_without_named_tensors(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(UserError, match="holds no named tensors; save model"):
        read_tensors(tmp_path / "w.pth")
