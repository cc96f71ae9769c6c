"""The weights files of the pipeline itself: safetensors, the same bytes for the same tensors."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from roadseg.pipeline.errors import UserError


def save_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors of any shapes and dtypes as a safetensors file."""
    # copies, because safetensors refuses tensors that share memory; bytes, because its own writer hides the OSError
    copies = {key: value.detach().clone(memory_format=torch.contiguous_format) for key, value in tensors.items()}
    path.write_bytes(safetensors.torch.save(copies, metadata={"format": "pt"}))


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; UserError where it is missing, broken or cut short."""
    if not path.exists():
        raise UserError(f"{path} is missing; make it or get it first")
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, TypeError) as error:  # the second: a side of more than torch can count
        reason = shorten(str(error), 200, placeholder=" ...")  # torch's has a list of its own functions
        raise UserError(f"{path} is broken or cut short ({reason}); get the file again") from None


def fill_network(network: nn.Module, path: Path) -> None:
    """Load a safetensors file into the network that it was saved from; UserError where it is broken or of another."""
    weights = load_weights(path)
    own = {key: value.shape for key, value in network.state_dict().items()}
    given = {key: value.shape for key, value in weights.items()}
    if odd := next((key for key in sorted(own | given) if own.get(key) != given.get(key)), None):
        raise UserError(
            f"{path} is of another network than its parameters name ({odd} is {_words(given.get(odd))}, "
            f"not {_words(own.get(odd))}); put the file and params.yaml of one training together"
        )
    network.load_state_dict(weights)


def _words(shape: torch.Size | None) -> str:
    return "missing" if shape is None else "x".join(map(str, shape)) or "a number"
