"""Run one experiment in a clone, with data from the DVC remote, and push its results: what a Ray task does.

    cd src && python -m roadseg.experiments.clone_run EXPERIMENT FOLDER    in the clone, started by `attempt`

EXPERIMENT is JSON, FOLDER the one that holds the clone.

Whoever starts it keeps its stdin open. When that closes, the caller was killed: then all that runs here is killed too,
and FOLDER is removed.
"""

import configparser
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from roadseg.experiments.runs import run_experiment
from roadseg.experiments.variants import Experiment
from roadseg.pipeline.commands import dvc, git
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.stage import run


def attempt(
    name: str, experiment: str, url: str, commit: str, environment: Mapping[str, str], note: Callable[[Any], None]
) -> tuple[int, str]:
    """On a worker: run an experiment in a clone of the commit; return the exit code and the output.

    `note` is told its name and machine first.
    """
    note((name, socket.gethostname()))
    with TemporaryDirectory(prefix="roadseg-", ignore_cleanup_errors=True) as folder:
        clone = Path(folder, "clone")
        try:
            git("clone", "--quiet", "--no-checkout", url, str(clone))
            git("checkout", "--quiet", commit, cwd=clone)
        except UserError as error:
            return 1, f"error: {error}"
        return _run_in_clone(clone, experiment, environment)


def _run_in_clone(clone: Path, experiment: str, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run `main`, by the clone's code; the end of its stdin tells it that this process is dead."""
    folder = clone.parent
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # stages run `python`
    private = {"PATH": path, "DVC_SITE_CACHE_DIR": str(folder / "site")}
    with (folder / "output").open("w+", errors="replace") as output:
        with subprocess.Popen(
            [sys.executable, "-m", "roadseg.experiments.clone_run", experiment, str(folder)],
            cwd=clone / "src",  # first on the path of modules, and only on this process's
            env=os.environ | environment | private,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as script:
            code = script.wait()
        output.seek(0)
        return code, output.read()


def main() -> None:
    os.chdir("..")  # to the root; `-m` had to start in src
    experiment, folder = Experiment(**json.loads(sys.argv[1])), Path(sys.argv[2])
    with guarded(folder):
        check_dvc_remote()
        with suppress(UserError):  # the stages make again what isn't there
            dvc("fetch", "--run-cache")
        log = folder / "run.log"
        reason = run_experiment(experiment, {}, log)
        print(log.read_text(), flush=True)
        if reason:
            raise UserError(reason)
        # --force replaces one of the same name that a killed run may have sent
        dvc("exp", "push", "--force", "--run-cache", "origin", experiment.name)


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Let another process wait for the end of stdin: no other sign of a SIGKILL reaches one on every system.

    It is not this one, which a Ray worker that still can kills first of all, and with it only its direct children.
    """
    group, guard = os.getpgrp(), os.fork()
    if guard == 0:
        os.setsid()
        os.read(0, 1)
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
    try:
        yield
    finally:
        os.kill(guard, signal.SIGKILL)


def check_dvc_remote() -> None:
    """Raise a UserError where the commit names no DVC remote that every clone of it finds."""
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(git("show", "HEAD:.dvc/config"))
    name = config.get("core", "remote", fallback="")
    url = config.get(f"'remote \"{name}\"'", "url", fallback="")
    if not url:
        raise UserError(
            "the commit has no default DVC remote; dvc remote add -d store /mnt/store/roadseg, "
            "then git commit .dvc/config and git push"
        )
    if "://" in url:
        return
    if not Path(url).is_absolute():  # DVC takes it from another folder when it reads another commit (3.67, tried)
        raise UserError(f"the DVC remote {name} is the relative path {url}; it must be absolute to be the same for all")
    if not Path(url).is_dir():
        raise UserError(f"the DVC remote {url} is not there on {os.uname().nodename}; create or mount it")


if __name__ == "__main__":
    run(main)
