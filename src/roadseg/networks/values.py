"""Whether the values of weights are numbers that a network can work with."""

from collections.abc import Mapping

import torch
from torch import Tensor

from roadseg.pipeline.errors import UserError

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def as_network_holds_them(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors of any shapes and dtypes in the dtypes that a network has under the same keys.

    Raises UserError for integers, truth values, complex numbers or eight-bit floats where the network has floats.
    """
    for key, value in tensors.items():
        counter = not wanted[key].is_floating_point()
        if value.dtype not in _FLOATS and not (counter and not value.is_complex()):
            raise UserError(
                f"{key} holds {str(value.dtype).removeprefix('torch.')}, where the network has floats; "
                "save its weights as float32, float16 or bfloat16"
            )
    return {key: value.to(wanted[key].dtype) for key, value in tensors.items()}


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise UserError where tensors, of any shapes and dtypes, hold NaN or infinity, with the name of the first."""
    bad = {
        key: count
        for key, value in tensors.items()
        if value.dtype in _FLOATS and (count := value.numel() - int(value.isfinite().sum()))
    }
    for key, count in bad.items():
        others = len(bad) - 1
        more = f", as {'does 1 more tensor' if others == 1 else f'do {others} more tensors'}" if others else ""
        raise UserError(
            f"{key} holds {count} of {tensors[key].numel()} values that are NaN or infinite{more}; "
            "take a checkpoint from before that, or get the file again"
        )
