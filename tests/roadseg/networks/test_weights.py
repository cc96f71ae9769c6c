"""Files of weights: the pipeline's own, and those that others made, of which no code runs."""

import argparse
import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from roadseg.networks.weights import fill_network, load_weights, read_tensors, save_weights
from roadseg.pipeline.errors import UserError

STATE = {"a": torch.arange(3.0)}


def test_saves_the_same_bytes_even_of_tensors_that_share_memory(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    for name in ("one", "two"):
        save_weights(tmp_path / name, {"a": shared, "b": shared.T})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert load_weights(tmp_path / "one")["b"].tolist() == [[0, 3], [1, 4], [2, 5]]
    save_weights(tmp_path / "none", {})
    assert load_weights(tmp_path / "none") == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk_is_an_os_error() -> None:
    with pytest.raises(OSError, match="No space left"):
        save_weights(Path("/dev/full"), STATE)


def test_own_weights_that_are_broken_or_missing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(UserError, match=r"model\.safetensors is missing; make it or get it first"):
        load_weights(path)
    save_weights(path, {"a": torch.ones(100)})
    whole = path.read_bytes()
    header = b'{"a":{"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]}}'
    endless = len(header).to_bytes(8, "little") + header  # a side that torch cannot count
    for content in (b"", whole[:5], whole[:60], whole[:-1], endless):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"model\.safetensors is broken or cut short \(.+\); get the file again"):
            load_weights(path)


def test_a_network_is_filled_with_its_own_weights_alone(tmp_path: Path) -> None:
    first, second = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)
    save_weights(tmp_path / "own", first.state_dict())
    fill_network(second, tmp_path / "own")
    assert second.weight.equal(first.weight)
    assert second.bias.equal(first.bias)
    for other, what in (
        ({"weight": torch.ones(3, 2)}, "bias is missing, not 3"),
        ({"weight": torch.ones(4, 2), "bias": torch.ones(3)}, "weight is 4x2, not 3x2"),
        ({**first.state_dict(), "more": torch.tensor(1)}, "more is a number, not missing"),
    ):
        save_weights(tmp_path / "other", other)
        with pytest.raises(UserError, match=rf"other is of another network than its parameters name \({what}\); put"):
            fill_network(second, tmp_path / "other")


# --- files that others made


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model", "net", "ema", "state_dict_ema"])
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


def test_one_entry_under_two_names_is_one_and_one_that_holds_itself_ends(tmp_path: Path) -> None:
    content: dict = {"model": {"a": torch.zeros(2)}}
    content |= {"net": content["model"]}
    content["model"]["again"] = content
    torch.save(content, tmp_path / "w.pth")
    weights = read_tensors(tmp_path / "w.pth")
    assert (list(weights.tensors), weights.others) == (["a"], ())


OPTIMIZER = torch.optim.SGD([nn.Parameter(torch.ones(2))], momentum=0.9).state_dict()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *((content, "holds no named tensors") for content in ({}, {"epoch": 1}, [1], {"state_dict": {"lr": 0.1}})),
        *((content, "holds no named tensors") for content in ({1: torch.ones(1)}, {"epoch": torch.tensor(1)})),
        (OPTIMIZER, "holds an optimizer's state and no weights"),
        ({"optimizer": OPTIMIZER, "epoch": torch.tensor(3)}, "holds an optimizer's state and no weights"),
    ],
)
def test_refuses_a_file_without_named_tensors(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(UserError, match=rf"w\.pth {message}; save model\.state_dict\(\) in it"):
        read_tensors(tmp_path / "w.pth")


class Attack:
    """Makes a file when it is unpickled."""

    def __init__(self, call: Any, *args: object) -> None:
        self.reduced = call, args

    def __reduce__(self) -> Any:
        return self.reduced


def test_objects_beside_the_weights_do_not_stand_in_the_way(tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())
    content = {
        "args": argparse.Namespace(lr=0.1, path=tmp_path),
        "best": np.float64(0.7),
        "history": np.arange(3),
        "loss": nn.CrossEntropyLoss(),
        "counts": collections.defaultdict(int, x=1),
        "attack": Attack(eval, "1"),
    }
    torch.save({"state_dict": STATE, **content}, tmp_path / "w")
    weights = read_tensors(tmp_path / "w")
    assert (weights.entry, list(weights.tensors)) == ("state_dict", ["a"])
    assert weights.tensors["a"].tolist() == [0, 1, 2]
    assert set(torch.serialization.get_safe_globals()) == before, "torch's own settings stay"


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("call", [eval, exec])
def test_no_code_of_the_file_runs(tmp_path: Path, zipped: bool, call: Any) -> None:
    made = tmp_path / "made"
    attack = Attack(call, f"__import__('pathlib').Path({str(made)!r}).touch()")
    torch.save({"state_dict": STATE, "attack": attack}, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    if zipped:
        assert list(read_tensors(tmp_path / "w").tensors) == ["a"]
    else:
        with pytest.raises(UserError, match=r"w holds Python objects \(\w*\.?(eval|exec)\), which are not"):
            read_tensors(tmp_path / "w")
    assert not made.exists()
    pickle.loads(pickle.dumps(attack))  # what the file would have done
    assert made.exists()


def test_weights_inside_objects_are_refused(tmp_path: Path) -> None:
    for content in (
        nn.Conv2d(1, 1, 1),
        {"state_dict": STATE, "attack": Attack(Path.touch, tmp_path / "made")},  # a method, which needs getattr
        {"model": {"a": torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged)}},
    ):
        torch.save(content, tmp_path / "w")
        with pytest.raises(UserError, match=r"w holds Python objects \(.+\), .* run code; save model"):
            read_tensors(tmp_path / "w")
    assert not (tmp_path / "made").exists()
