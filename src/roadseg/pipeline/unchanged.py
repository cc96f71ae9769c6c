"""A stage works with the parameters that DVC has taken for it, or it stops.

params.yaml may change while DVC runs: `dvc exp run -S` changes it even where it is then refused as busy. DVC reads what
it notes in dvc.lock after a stage has ended, and so would note parameters that the stage never saw.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import CATALOGUES, place_of, read_params
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.schema import read_yaml, value_at


@contextmanager
def same_params() -> Iterator[None]:
    """Let a stage that DVC has started do its work, and raise UserError where its parameters change before its end."""
    if not _declared():
        yield
        return
    before = params_taken()
    stop_where_changed(before)
    yield
    stop_where_changed(before)


def params_taken() -> Any:
    """Return the parameters with which DVC began: what `preflight` has checked, else what is there now.

    Raises UserError where that is not YAML.
    """
    return read_yaml(paths.PARAMS_TAKEN) if paths.PARAMS_TAKEN.is_file() else read_params()


def stop_where_changed(before: Any) -> None:
    """Raise UserError where a parameter that this stage reads, by dvc.yaml, has another value now.

    Where DVC has not started the process, params.yaml is what counts.
    """
    declared = _declared()
    now = read_params() if declared else {}
    changes = [line for key in declared for line in _changes(_filled_in(key, before), before, now)]
    if changes:
        paths.PARAMS_TAKEN.unlink(missing_ok=True)  # then `preflight` runs again, whatever dvc.lock says
        more = f" (and {len(changes) - 1} more)" if len(changes) > 1 else ""
        raise UserError(
            f"{place_of(changes[0])}{more} when it was checked; beside a running `dvc repro`, `dvc exp run -S` "
            "changes it even where it is refused as busy; put the value back, or keep it, and run `dvc repro` again"
        )


def _declared() -> list[str]:
    """The parameters of the stage that DVC has started this process for, those of catalogues as `models.NAME`."""
    stage = os.environ.get("DVC_STAGE", "")
    stages = read_yaml(paths.PIPELINE)["stages"] if stage and paths.PIPELINE.is_file() else {}
    return declared_keys(stages.get(stage, {}).get("params", []))


def declared_keys(params: Sequence[Any]) -> list[str]:
    """Return the keys that a stage's `params` in dvc.yaml declare, those of the catalogues in conf/ as `models.NAME`.

    >>> declared_keys(["model", {"conf/models.yaml": ["${model}"]}, {"conf/schedules.yaml": None}])
    ['model', 'models.${model}', 'schedules']
    """
    keys = [entry for entry in params if isinstance(entry, str)]
    named = {str(file): key for key, file in CATALOGUES.items()}
    files = [(named[file], rows) for entry in params if isinstance(entry, dict) for file, rows in entry.items()]
    return keys + [f"{key}.{row}" if row else key for key, rows in files for row in rows or [""]]


def _filled_in(key: str, values: Any) -> str:
    """A key as dvc.yaml has it, with the values that stand for its ${...}."""
    return re.sub(r"\$\{([\w.]+)\}", lambda found: str(value_at(values, *found[1].split("."))), key)


def _changes(key: str, before: Any, now: Any) -> Iterator[str]:
    """What has changed at or below a key, value by value."""
    old, new = value_at(before, *key.split(".")), value_at(now, *key.split("."))
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old | new:
            yield from (f"{key}.{line}" for line in _changes(str(name), _by_text(old), _by_text(new)))
    elif old != new:
        yield printable(f"{key} is {new!r}, and was {old!r}")


def _by_text(section: dict[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in section.items()}
