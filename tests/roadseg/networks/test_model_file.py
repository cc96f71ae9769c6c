"""The pipeline's own weights files."""

from pathlib import Path

import pytest
import torch

from roadseg.networks.model_file import fill_network, load_weights, save_weights
from roadseg.pipeline.errors import UserError


def test_saves_the_same_bytes_even_of_tensors_that_share_memory(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    for name in ("one", "two"):
        save_weights(tmp_path / name, {"a": shared, "b": shared.T})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert load_weights(tmp_path / "one")["b"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_file_without_tensors_can_be_saved(tmp_path: Path) -> None:
    save_weights(tmp_path / "none", {})
    assert load_weights(tmp_path / "none") == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk_is_an_os_error() -> None:
    with pytest.raises(OSError, match="No space left"):
        save_weights(Path("/dev/full"), {"a": torch.ones(1)})


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "model.safetensors", {"a": torch.ones(100)})
    whole = (tmp_path / "model.safetensors").read_bytes()
    for size in (0, 5, 60, len(whole) - 1):
        (tmp_path / "model.safetensors").write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"model\.safetensors is broken or cut short"):
            load_weights(tmp_path / "model.safetensors")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.safetensors is missing; make it or get it first"):
        load_weights(tmp_path / "model.safetensors")


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
