"""Checkpoints that torch.save wrote, read without running what they hold."""

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch

from roadseg.pipeline.errors import UserError

_REFUSED = re.compile(r"GLOBAL ([\w.]+) (?:was not an allowed|whose module)")  # a class or function of another library
_MOST_NAMES = 100


class Unread:
    """Stands for any class or function of a pickle that torch does not know: takes what it is given, does nothing."""

    def __new__(cls, *_: object, **__: object) -> "Unread":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, _: object) -> None: ...


class _UnreadDict:
    """Stands for a class of dicts: torch's reader puts the items into real ones only."""

    def __new__(cls, *_: object, **__: object) -> dict:  # type: ignore[misc]
        return {}


def read_pickle(path: Path, mapped: bool) -> tuple[Any, list[str]]:
    """Return what a checkpoint holds, and the names of the classes and functions that `Unread` stands for in it.

    So the arguments and scores that scripts keep beside the weights, as objects of their own, don't stand in the way,
    and no code of the file runs. `mapped`, for a zip: the tensors stay on disk until they are used.
    Raises UserError where the file is broken, or wants more than torch's reader allows.
    """
    names: list[str] = []
    while True:
        stand_ins = [(_UnreadDict if name.lower().endswith("dict") else Unread, name) for name in names]
        try:
            with warnings.catch_warnings(), torch.serialization.safe_globals([*stand_ins]):
                warnings.simplefilter("ignore")  # about old files' storages
                return torch.load(path, weights_only=True, map_location="cpu", mmap=mapped), names
        except Exception as error:  # a damaged file makes torch.load raise nearly any class, OSError included
            name = _refused_name(error)
            if name in names or len(names) == _MOST_NAMES or (names and not name):
                raise holds_objects(path, names) from None
            if not name:
                raise UserError(f"{path} is broken, cut short or not a file of tensors; get the file again") from None
            names.append(name)


def holds_objects(path: Path, names: list[str]) -> UserError:
    """Return the error for a file whose weights are in objects of the named classes."""
    return UserError(
        f"{path} holds Python objects ({', '.join(names[:3])}), which are not loaded, as they can run code; "
        "save model.state_dict() alone"
    )


def _refused_name(error: Exception) -> str:
    found = _REFUSED.search(str(error)) if isinstance(error, pickle.UnpicklingError) else None
    if not found:
        return ""
    return found[1] if "." in found[1] else f"builtins.{found[1]}"  # which torch leaves out
