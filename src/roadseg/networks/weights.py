"""Files of weights: the pipeline's own, which are safetensors, and those of others, read without running their code."""

import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from roadseg.networks.formats import format_of
from roadseg.pipeline.errors import UserError

# --- the pipeline's own files


def save_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors of any shapes and dtypes as a safetensors file: the same bytes for the same tensors."""
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


# --- files that others made


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
    """Return the named tensors of a safetensors file, of a state dict or of a checkpoint, without running its code.

    The tensors of a zip or of safetensors stay on disk until they are used.
    Raises UserError, which says why `path` is not a file of tensors.
    """
    form = format_of(path)
    if form == "safetensors":
        return Weights(load_weights(path))
    content, unknown = _unpickle(path, zipped=form == "zip")
    entry, *others = _entries_of_weights(content)
    tensors = {key: value for key, value in entry.values.items() if isinstance(value, Tensor)}
    objects = any(isinstance(value, _Placeholder) for value in entry.values.values())
    if unknown and (not tensors or (objects and any(name.startswith("torch") for name in unknown))):
        raise _holds_objects(path, unknown)
    if not any(value.ndim for value in tensors.values()):
        found = "holds an optimizer's state and no weights" if _has_optimizer(content) else "holds no named tensors"
        raise UserError(f"{path} {found}; save model.state_dict() in it")
    return Weights(tensors, entry.path, tuple(other.path for other in others))


class _Placeholder:
    """Stands for any class or function of a pickle that torch does not know: takes what it is given, does nothing."""

    def __new__(cls, *_: object, **__: object) -> "_Placeholder":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


class _PlaceholderDict:
    """Stands for a class of dicts: torch's reader puts the items into real ones only."""

    def __new__(cls, *_: object, **__: object) -> dict:  # type: ignore[misc]
        return {}


def _unpickle(path: Path, zipped: bool) -> tuple[Any, list[str]]:
    """Return what a checkpoint holds, and the names of the classes and functions that placeholders stand for in it.

    So the arguments and scores that scripts keep beside the weights, as objects of their own, don't stand in the way.
    Of files from before torch 1.6, which are no zips, torch doesn't tell these names: there they are refused.
    """
    names: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old files' storages
            names = torch.serialization.get_unsafe_globals_in_checkpoint(path) if zipped else []
            known: list[Any] = [
                (_PlaceholderDict if name.lower().endswith("dict") else _Placeholder, name) for name in names
            ]
            with torch.serialization.safe_globals(known):
                return torch.load(path, weights_only=True, map_location="cpu", mmap=zipped), names
    except Exception as error:  # a damaged file makes torch.load raise nearly any class, OSError included
        refused = re.findall(r"GLOBAL ([\w.]+) (?:was not an allowed|whose module)", str(error))
        if names or refused:
            raise _holds_objects(path, names or refused) from None
        raise UserError(f"{path} is broken, cut short or not a file of tensors; get the file again") from None


def _holds_objects(path: Path, names: list[str]) -> UserError:
    return UserError(
        f"{path} holds Python objects ({', '.join(sorted(names)[:3])}), which are not loaded, as they can run code; "
        "save model.state_dict() alone"
    )


# --- where in a checkpoint the weights are: scripts keep them under many names, and their average beside them

_USUAL = ("state_dict", "model_state_dict", "model", "module", "net", "network", "params")
_AVERAGE = re.compile(r"(^|[._])(ema|swa|averaged?|teacher)([._]|$)", re.IGNORECASE)
_DEEPEST = 4  # entries in entries
_COMPARABLE = 0.5  # of the size of the largest entry: what is smaller is not the network
_COUNTED = 100


@dataclass(frozen=True)
class _Entry:
    """What a checkpoint holds by name at a path of keys, "" for the checkpoint itself."""

    path: str
    values: dict[str, Any]

    @property
    def size(self) -> int:
        """How many values its tensors hold, counting few of each: a network is many tensors, not a large one."""
        return sum(min(value.numel(), _COUNTED) for value in self.values.values() if isinstance(value, Tensor))


def is_average(name: str) -> bool:
    """Return whether a name stands for averaged weights: ema, model_ema, teacher, ..."""
    return bool(_AVERAGE.search(name))


def _entries_of_weights(content: Any) -> list[_Entry]:
    """Return the entries of a checkpoint that hold a network's tensors, the one to take first; at least an empty one.

    The weights that were trained come before their average: they are what a file without an average has, so that all
    files of one script are read alike.
    """
    entries = list(_entries("", content, set())) or [_Entry("", {})]
    most = max(entry.size for entry in entries)
    large = [entry for entry in entries if entry.size >= _COMPARABLE * most]
    return sorted(large, key=lambda entry: (is_average(entry.path), _rank(entry.path), -entry.size))


def _rank(path: str) -> int:
    first = path.split(".")[0]
    return _USUAL.index(first) if first in _USUAL else len(_USUAL)


def _entries(path: str, content: Any, seen: set[int]) -> Iterator[_Entry]:
    if not isinstance(content, dict) or "param_groups" in content or id(content) in seen:
        return
    seen.add(id(content))
    entry = _Entry(path, {key: value for key, value in content.items() if isinstance(key, str)})
    yield entry
    for key, value in entry.values.items() if path.count(".") < _DEEPEST else ():
        if not _names_optimizer(key):
            yield from _entries(f"{path}.{key}" if path else key, value, seen)


def _has_optimizer(content: Any) -> bool:
    """Return whether a checkpoint holds the state of an optimizer, or is one."""
    return isinstance(content, dict) and ("param_groups" in content or any(map(_names_optimizer, content)))


def _names_optimizer(key: Any) -> bool:
    return isinstance(key, str) and "optim" in key.lower()
