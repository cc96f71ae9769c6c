"""Values that a network can work with, and those that it cannot."""

import pytest
import torch

from roadseg.networks.values import as_network_holds_them, check_finite
from roadseg.pipeline.errors import UserError

WANTED = {"w": torch.zeros(3), "bn.num_batches_tracked": torch.zeros((), dtype=torch.int64)}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_takes_floats(dtype: torch.dtype) -> None:
    tensors = as_network_holds_them({"w": torch.tensor([0.5, -2, 3], dtype=dtype)}, WANTED)
    assert tensors["w"].dtype == torch.float32
    assert tensors["w"].tolist() == [0.5, -2, 3]


OTHERS = (torch.int64, torch.int8, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn)


@pytest.mark.parametrize("dtype", OTHERS)
def test_refuses_others_where_the_network_has_floats(dtype: torch.dtype) -> None:
    name = str(dtype).removeprefix("torch.")
    with pytest.raises(UserError, match=f"^w holds {name}, where the network has floats; save its weights as float32"):
        as_network_holds_them({"w": torch.ones(3).to(dtype)}, WANTED)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.float32])
def test_counters_may_be_integers(dtype: torch.dtype) -> None:
    key = "bn.num_batches_tracked"
    value = as_network_holds_them({key: torch.tensor(7).to(dtype)}, WANTED)[key]
    assert (value.item(), value.dtype) == (7, torch.int64)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_refuses_what_is_not_finite(value: float, dtype: torch.dtype) -> None:
    tensors = {"a": torch.ones(4, dtype=dtype), "b": torch.tensor([1, value, 2, value], dtype=dtype)}
    with pytest.raises(UserError, match=r"^b holds 2 of 4 values that are NaN or infinite; take"):
        check_finite(tensors)
    tensors["a"][:] = value
    with pytest.raises(UserError, match=r"^a holds 4 of 4 values that are NaN or infinite, as does 1 more tensor;"):
        check_finite(tensors)


def test_takes_all_that_is_finite() -> None:
    check_finite({"a": torch.tensor([1e38, -1e-45, 0]), "n": torch.tensor(3), "none": torch.ones(0)})
