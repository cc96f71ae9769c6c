"""Pickles are read for what torch knows; nothing else in them does anything."""

import argparse
import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from roadseg.networks.pickles import Unread, read_pickle
from roadseg.networks.weights import read_tensors
from roadseg.pipeline.errors import UserError

STATE = {"a": torch.arange(3.0)}


class Attack:
    """Makes a file when it is unpickled."""

    def __init__(self, call: Any, *args: object) -> None:
        self.reduced = call, args

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize("zipped", [True, False])
def test_objects_beside_the_weights_do_not_stand_in_the_way(tmp_path: Path, zipped: bool) -> None:
    content = {
        "state_dict": STATE,
        "args": argparse.Namespace(lr=0.1, path=tmp_path),
        "best": np.float64(0.7),
        "history": np.arange(3),
        "loss": nn.CrossEntropyLoss() if zipped else None,  # in old files with its source, which torch never reads
        "counts": collections.defaultdict(int, x=1),
    }
    torch.save(content, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    read, names = read_pickle(tmp_path / "w", mapped=zipped)
    assert read["state_dict"]["a"].tolist() == [0, 1, 2]
    assert isinstance(read["args"], Unread)
    assert "argparse.Namespace" in names
    assert read_tensors(tmp_path / "w").entry == "state_dict"


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("call", [eval, exec])
def test_no_code_of_the_file_runs(tmp_path: Path, zipped: bool, call: Any) -> None:
    made = tmp_path / "made"
    attack = Attack(call, f"__import__('pathlib').Path({str(made)!r}).touch()")
    torch.save({"state_dict": STATE, "attack": attack}, tmp_path / "w", _use_new_zipfile_serialization=zipped)
    assert list(read_tensors(tmp_path / "w").tensors) == ["a"]
    assert not made.exists()
    pickle.loads(pickle.dumps(attack))  # what the file would have done
    assert made.exists()


def test_a_method_of_an_object_is_not_called(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "attack": Attack(Path.touch, tmp_path / "made")}, tmp_path / "w")
    with pytest.raises(UserError, match=r"w holds Python objects \(builtins\.getattr, .*\), which are not loaded"):
        read_tensors(tmp_path / "w")
    assert not (tmp_path / "made").exists()


def test_objects_among_the_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"model": {"a": torch.nested.nested_tensor([torch.ones(2)], layout=torch.jagged)}}, tmp_path / "w")
    with pytest.raises(UserError, match=r"w holds Python objects \(torch\..*\), which are not loaded"):
        read_tensors(tmp_path / "w")


def test_torchs_own_settings_stay(tmp_path: Path) -> None:
    torch.save({"model": STATE, "args": argparse.Namespace()}, tmp_path / "w")
    before = set(torch.serialization.get_safe_globals())
    read_tensors(tmp_path / "w")
    assert set(torch.serialization.get_safe_globals()) == before
