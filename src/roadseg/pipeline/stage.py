"""How an expected error ends a stage, and how files are read, and written whole or not at all."""

import errno
import json
import shutil
import signal
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from roadseg.pipeline.errors import Stopped, UserError
from roadseg.pipeline.supervision import supervised
from roadseg.pipeline.unchanged import same_params


def run_stage(main: Callable[[], None]) -> None:
    """Call a stage's `main` as `run` does; it ends with the DVC that started it, and is alone in its folder.

    Its parameters must stay as DVC took them. A UserError, also that of a second stage in the folder, ends in one line.
    """

    def alone() -> None:
        with supervised(), same_params():
            main()

    if main.__module__ == "__main__":  # else another script, or a test, calls it
        take_no_options("dvc repro {name}")
    run(alone)


def run(main: Callable[[], None]) -> None:
    """Call `main`; what a user can fix ends in one line and exit code 1, an interruption in its signal's exit code.

    That is a UserError, a failed file operation, or a lack of memory. Anything else keeps its traceback.
    """
    try:
        main()
    except UserError as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).split("\n")))
    except OSError as error:
        if error.errno is None:
            raise
        remedy = "; free some space and run again" if error.errno == errno.ENOSPC else ""
        sys.exit(f"error: {error.filename or 'writing'}: {error.strerror}{remedy}")
    except KeyboardInterrupt as error:
        where = error.where if isinstance(error, Stopped) else ""
        what_now = where or "the outputs are those of before, or are made again by the next run"
        print(f"error: interrupted{' ' if where else '; '}{what_now}", file=sys.stderr)
        sys.exit(128 + (error.number if isinstance(error, Stopped) else signal.SIGINT))
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        reason = str(error).strip().split("\n")[0][:200] or "no memory left"
        sys.exit(f"error: {reason}; lower train.batch_size, predict.batch_size or the input size, or free some memory")


def _is_lack_of_memory(error: Exception) -> bool:
    # torch's own class for GPUs, and the plain RuntimeError that it raises on a CPU
    return isinstance(error, MemoryError) or "out of memory" in str(error) or "can't allocate memory" in str(error)


def take_no_options(example: str) -> None:
    """Answer --help with the docstring of the script that runs and an example, and refuse any other argument.

    `{name}` in the example is the script's.
    """
    ArgumentParser(
        description=sys.modules["__main__"].__doc__,
        epilog=f"example: {example.format(name=Path(sys.argv[0]).stem)}",
        formatter_class=RawDescriptionHelpFormatter,
    ).parse_args()


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
