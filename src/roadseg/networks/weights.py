"""Files of weights that others made: their named tensors, and where in the file these were."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from roadseg.networks.entries import entries_of_weights, has_optimizer
from roadseg.networks.kinds import kind_of
from roadseg.networks.model_file import load_weights
from roadseg.networks.pickles import Unread, holds_objects, read_pickle
from roadseg.pipeline.errors import UserError


@dataclass(frozen=True)
class Weights:
    """The named tensors of a file, of any shapes and dtypes, and where in the file they were.

    `entry` is the path of keys to them in a checkpoint, "" if they are the whole file; `others` the paths of what else
    could have been taken.
    """

    tensors: dict[str, Tensor]
    entry: str = ""
    others: tuple[str, ...] = ()


def read_tensors(path: Path) -> Weights:
    """Return the named tensors of a safetensors file, of shards by their index, of a state dict or of a checkpoint.

    No code of the file runs. The tensors of a zip or of safetensors stay on disk until they are used.
    Raises UserError, which says why `path` is not a file of tensors.
    """
    shard = re.search(r"-\d+-of-(\d+)\.\w+$", path.name)
    if shard and int(shard[1]) > 1:
        raise UserError(
            f"{path} is one of {int(shard[1])} files; give the path of their index, *.index.json, beside it"
        )
    return _read(path)


def _read(path: Path) -> Weights:
    kind = kind_of(path)
    if kind == "safetensors":
        return Weights(load_weights(path))
    if kind == "index":
        return Weights(_read_shards(path))
    content, unread = read_pickle(path, mapped=kind == "zip")
    entry, *others = entries_of_weights(content)
    tensors = {key: value for key, value in entry.values.items() if isinstance(value, Tensor)}
    beside = any(isinstance(value, Unread) for value in entry.values.values())
    if unread and (not tensors or (beside and any(name.startswith("torch") for name in unread))):
        raise holds_objects(path, unread)
    _check_layouts(path, entry.values)
    if not any(value.ndim for value in tensors.values()):
        found = "holds an optimizer's state and no weights" if has_optimizer(content) else "holds no named tensors"
        raise UserError(f"{path} {found}; save model.state_dict() in it")
    return Weights(tensors, entry.path, tuple(other.path for other in others))


def _check_layouts(path: Path, values: Mapping[str, Any]) -> None:
    """Refuse tensors that do not have a value of their own at each place."""
    for key, value in values.items():
        if key.endswith("_packed_params") or (isinstance(value, Tensor) and value.is_quantized):
            raise UserError(f"{path}: {key} is quantised; save the weights from before that, or dequantize() of each")
        if isinstance(value, Tensor) and value.layout != torch.strided:
            raise UserError(f"{path}: {key} is sparse ({value.layout}); save to_dense() of it")
        if isinstance(value, Tensor) and value.is_meta:
            raise UserError(f"{path}: {key} has a shape but no values (device meta); save the weights once loaded")


def _read_shards(path: Path) -> dict[str, Tensor]:
    """Read the files that an index of shards names: JSON whose `weight_map` gives for each key a file beside it."""
    try:
        places = json.loads(path.read_bytes())["weight_map"]
        names = [Path(name).name for name in sorted(set(places.values()))]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{path} is text, not weights; get the file itself") from None
    away = [name for name in names if not (path.parent / name).is_file()]
    if away:
        raise UserError(f"{path} is an index of {len(names)} files, of which {away[0]} is not beside it; put it there")
    tensors: dict[str, Tensor] = {}
    for name in names:
        tensors |= _read(path.parent / name).tensors
    lacking = [key for key in places if key not in tensors]
    if lacking:
        raise UserError(f"{path}: {lacking[0]} is not in {places[lacking[0]]}; get these files again")
    return tensors
