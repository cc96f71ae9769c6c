"""Run DVC and git, and turn a failure into one line."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from roadseg.pipeline.errors import UserError

DVC = (sys.executable, "-m", "dvc")


def dvc(*words: str, cwd: Path | None = None, with_stderr: bool = False) -> str:
    """Run a DVC command and return its output; UserError with the reason that it gives where it fails."""
    return _run(DVC, words, cwd, with_stderr)


def git(*words: str, cwd: Path | None = None) -> str:
    """Run a git command and return its output; UserError with the reason that it gives where it fails."""
    return _run(("git",), words, cwd)


def dvc_into_log(log: Path, *words: str, environment: Mapping[str, str]) -> None:
    """Run a DVC command whose output goes to the file `log` as it comes; UserError with the reason in it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        done = subprocess.run([*DVC, *words], stdout=file, stderr=subprocess.STDOUT, env=os.environ | environment)
    if done.returncode:
        raise UserError(reason_in(log.read_text(errors="replace")))


def reason_in(output: str) -> str:
    """Return the line in which a failed command gives the reason.

    That is a stage's own `error:`, else DVC's `ERROR:`, else git's `fatal:`, else the last line.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for mark, which in (("error: ", -1), ("ERROR: ", -1), ("fatal: ", 0)):
        if marked := [line.removeprefix(mark) for line in lines if line.startswith(mark)]:
            return marked[which]
    return lines[-1] if lines else "no output"


def _run(program: Sequence[str], words: Sequence[str], cwd: Path | None, with_stderr: bool = False) -> str:
    done = subprocess.run([*program, *words], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        command = " ".join([program[-1], *(word for word in words[:2] if not word.startswith("-"))])
        raise UserError(f"{command} failed: {reason_in(done.stderr or done.stdout)}")
    return done.stdout + done.stderr if with_stderr else done.stdout
