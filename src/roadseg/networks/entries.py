"""Where in a checkpoint the weights are: scripts keep them under many names, and their average beside them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import Tensor

_USUAL = ("state_dict", "model_state_dict", "model", "module", "net", "network", "params")
_AVERAGE = re.compile(r"(^|[._])(ema|swa|averaged?|teacher)([._]|$)", re.IGNORECASE)
_DEEPEST = 4  # entries in entries
_COMPARABLE = 0.5  # of the size of the largest entry: what is smaller is not the network
_COUNTED = 100


@dataclass(frozen=True)
class Entry:
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


def entries_of_weights(content: Any) -> list[Entry]:
    """Return the entries of a checkpoint that hold a network's tensors, the one to take first; at least an empty one.

    The weights that were trained come before their average: they are what a file without an average has, so that all
    files of one script are read alike.
    """
    entries = list(_entries("", content, set())) or [Entry("", {})]
    most = max(entry.size for entry in entries)
    large = [entry for entry in entries if entry.size >= _COMPARABLE * most]
    return sorted(large, key=lambda entry: (is_average(entry.path), _rank(entry.path), -entry.size))


def has_optimizer(content: Any) -> bool:
    """Return whether a checkpoint holds the state of an optimizer, or is one."""
    return isinstance(content, dict) and ("param_groups" in content or any(map(_names_optimizer, content)))


def _entries(path: str, content: Any, seen: set[int]) -> Iterator[Entry]:
    if not isinstance(content, dict) or "param_groups" in content or id(content) in seen:
        return
    seen.add(id(content))
    entry = Entry(path, {key: value for key, value in content.items() if isinstance(key, str)})
    yield entry
    for key, value in entry.values.items() if path.count(".") < _DEEPEST else ():
        if not _names_optimizer(key):
            yield from _entries(f"{path}.{key}" if path else key, value, seen)


def _names_optimizer(key: Any) -> bool:
    return isinstance(key, str) and "optim" in key.lower()


def _rank(path: str) -> int:
    first = path.split(".")[0]
    return _USUAL.index(first) if first in _USUAL else len(_USUAL)
