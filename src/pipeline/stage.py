"""How an expected error ends a stage, and how files are read, and written whole or not at all."""

import errno
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from roadseg.errors import UserError


def run(main: Callable[[], None]) -> None:
    """Call `main`; a UserError or a failed file operation becomes one line and exit code 1, all else a traceback."""
    try:
        main()
    except UserError as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).split("\n")))
    except OSError as error:
        if error.errno is None:
            raise
        remedy = "; free some space and run again" if error.errno == errno.ENOSPC else ""
        sys.exit(f"error: {error.filename or 'writing'}: {error.strerror}{remedy}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`, for a file or a folder; on success it takes the place of `path`.

    On failure nothing is left, and what was at `path` is untouched.
    """
    temporary = path.with_name(f".{path.stem}.new{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(temporary)  # of a run that was killed
    try:
        yield temporary
        if temporary.is_dir():
            _remove(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Read a JSON file; UserError where it is cut short or something else."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); remove it and run `dvc repro`") from None


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n")
