"""Reading files of tensors that others made."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from roadseg.networks.weights import read_tensors
from roadseg.pipeline.errors import UserError

HEADER = b'{"a":{"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]}}'
ENDLESS = len(HEADER).to_bytes(8, "little") + HEADER  # a side that torch cannot count
WRAPPERS = [
    None,
    "state_dict",
    "model",
    "model_state_dict",
    "module",
    "net",
    "network",
    "params",
    "ema",
    "state_dict_ema",
]


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("zipped", [True, False])
def test_reads_a_checkpoint_and_leaves_the_rest_out(tmp_path: Path, wrapper: str | None, zipped: bool) -> None:
    state = {"a.weight": torch.arange(3.0), "epoch": 4}
    content = {wrapper: state, "optimizer": {"lr": 0.1}, "loss": torch.ones(1)} if wrapper else state
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    weights = read_tensors(tmp_path / "w.pth")
    assert (list(weights.tensors), weights.entry, weights.others) == (["a.weight"], wrapper or "", ())
    assert weights.tensors["a.weight"].tolist() == [0, 1, 2]


def test_reads_safetensors_whatever_the_name(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "weights.pth")
    assert read_tensors(tmp_path / "weights.pth").tensors["a"].tolist() == [1, 1]


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
        (ENDLESS, r"is broken or cut short \(.+\); get the file again"),
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


@pytest.mark.parametrize("average", ["ema", "model_ema", "state_dict_ema", "ema_state_dict", "teacher"])
@pytest.mark.parametrize("trained", ["state_dict", "model", "student"])
def test_takes_the_trained_weights_and_names_their_average(tmp_path: Path, trained: str, average: str) -> None:
    state, mean = {"a": torch.zeros(2), "b": torch.zeros(1)}, {"a": torch.ones(2)}
    torch.save({average: {"decay": 0.9, "module": mean}, trained: state, "optimizer": {"x": state}}, tmp_path / "w.pth")
    weights = read_tensors(tmp_path / "w.pth")
    assert (weights.entry, weights.others) == (trained, (f"{average}.module",))
    assert weights.tensors["a"].tolist() == [0, 0]


def test_one_entry_under_two_names_is_one(tmp_path: Path) -> None:
    state = {"a": torch.zeros(2)}
    torch.save({"model": state, "net": state}, tmp_path / "w.pth")
    assert read_tensors(tmp_path / "w.pth").others == ()


def test_an_entry_that_holds_itself_ends(tmp_path: Path) -> None:
    content: dict = {"model": {"a": torch.zeros(2)}}
    content["model"]["again"] = content
    torch.save(content, tmp_path / "w.pth")
    assert list(read_tensors(tmp_path / "w.pth").tensors) == ["a"]


@pytest.mark.parametrize("around", [{}, {"epoch": torch.tensor(3)}])
def test_refuses_an_optimizers_state(tmp_path: Path, around: dict) -> None:
    parameter = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([parameter])
    parameter.sum().backward()
    optimizer.step()
    torch.save(
        {"optimizer": optimizer.state_dict(), **around} if around else optimizer.state_dict(), tmp_path / "w.pth"
    )
    with pytest.raises(
        UserError, match=r"w\.pth holds an optimizer's state and no weights; save model\.state_dict\(\) in it"
    ):
        read_tensors(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor", "ignore:Sparse CSR", "ignore:Validating sparse")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: torch.eye(3).to_sparse(), r"a is sparse \(torch\.sparse_coo\); save to_dense\(\) of it"),
        (lambda: torch.eye(3).to_sparse_csr(), r"a is sparse \(torch\.sparse_csr\); save to_dense\(\) of it"),
        (
            lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
            r"a is quantised; .* or dequantize\(\)",
        ),
        (lambda: torch.ones(3, device="meta"), r"a has a shape but no values \(device meta\); save the weights once"),
    ],
)
def test_refuses_tensors_that_are_not_ordinary(tmp_path: Path, make: Callable[[], Tensor], message: str) -> None:
    torch.save({"state_dict": {"a": make()}}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=rf"w\.pth: {message}"):
        read_tensors(tmp_path / "w.pth")


def test_refuses_a_network_that_was_quantised(tmp_path: Path) -> None:
    torch.save({"0.scale": torch.ones(()), "0._packed_params._packed_params": (1, None)}, tmp_path / "w.pth")
    with pytest.raises(
        UserError, match=r"0\._packed_params\._packed_params is quantised; save the weights from before"
    ):
        read_tensors(tmp_path / "w.pth")


def shards(folder: Path) -> Path:
    """Write two shards and their index, and give back the path of that."""
    names = {key: f"model-0000{number}-of-00002.safetensors" for number, key in enumerate("ab", start=1)}
    for key, name in names.items():
        save_file({key: torch.full((2,), ord(key))}, folder / name)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 16}, "weight_map": names}))
    return index


def test_reads_all_shards_of_an_index(tmp_path: Path) -> None:
    tensors = read_tensors(shards(tmp_path)).tensors
    assert {key: value.tolist() for key, value in tensors.items()} == {"a": [97, 97], "b": [98, 98]}


def test_a_part_of_shards_is_refused(tmp_path: Path) -> None:
    index = shards(tmp_path)
    second = tmp_path / "model-00002-of-00002.safetensors"
    with pytest.raises(UserError, match=r"00002\.safetensors is one of 2 files; give the path of their index"):
        read_tensors(second)
    save_file({"c": torch.ones(1)}, second)
    with pytest.raises(UserError, match=r"index\.json: b is not in model-00002-of-00002\.safetensors; get these files"):
        read_tensors(index)
    second.unlink()
    with pytest.raises(UserError, match=r"an index of 2 files, of which model-00002-.* is not beside it; put it there"):
        read_tensors(index)


@pytest.mark.parametrize("text", ['{"message": "Not Found"}', "{", '{"weight_map": [1]}', '{"weight_map": {"a": 5}}'])
def test_refuses_other_json(tmp_path: Path, text: str) -> None:
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(UserError, match=r"w\.json is text, not weights; get the file itself"):
        read_tensors(tmp_path / "w.json")


@pytest.mark.parametrize(
    "content", [{}, {"epoch": 1}, [1], {"state_dict": {"lr": 0.1}}, {1: torch.ones(1)}, {"epoch": torch.tensor(1)}]
)
def test_refuses_a_file_without_named_tensors(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(UserError, match="holds no named tensors; save model"):
        read_tensors(tmp_path / "w.pth")
