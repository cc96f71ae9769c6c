"""Files of weights that others made: read without running what they hold."""

import pickle
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from roadseg.download import is_web_page
from roadseg.errors import UserError
from roadseg.networks.model_file import load_weights

_WRAPPERS = ("state_dict", "model", "model_state_dict")  # where training scripts keep the tensors in a checkpoint


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the named tensors of a safetensors file, a state dict or a checkpoint around one; other values are left out.

    No object is unpickled. Raises UserError, which says why `path` is not a file of tensors.
    """
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise UserError(f"{path} is empty; get the file again")
    if is_web_page(start):
        raise UserError(f"{path} is a web page, not weights; get the file itself")
    content = load_weights(path) if start[8:9] == b"{" else _read_pickle(path)
    tensors = _named_tensors(content)
    if not tensors:
        raise UserError(f"{path} holds no named tensors; save model.state_dict() in it")
    return tensors


def _read_pickle(path: Path) -> Any:
    try:
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # a damaged file makes torch.load raise nearly any class, OSError included
        found = re.search(r"GLOBAL (\w+\.[\w.]+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if found:
            raise UserError(
                f"{path} holds Python objects ({found[1]}), which are not loaded, as they can run code; "
                "save model.state_dict() alone"
            ) from None
        raise UserError(f"{path} is broken, cut short or not a file of tensors; get the file again") from None


def _named_tensors(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, dict):
        return {}
    for wrapper in _WRAPPERS:
        if isinstance(content.get(wrapper), dict):
            return _named_tensors(content[wrapper])
    return {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
