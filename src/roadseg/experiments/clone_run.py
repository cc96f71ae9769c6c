"""Run one experiment in this clone, with data from the DVC remote, and push it back: what a Ray task does.

    cd src && python -m roadseg.experiments.clone_run EXPERIMENT FOLDER

EXPERIMENT is JSON, FOLDER the one that holds the clone.

Whoever starts it keeps its stdin open. When that closes, the caller was killed: then all that runs here is killed too,
and FOLDER is removed.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from roadseg.experiments.dvc_runs import run_experiment
from roadseg.experiments.remotes import check_dvc_remote, push_experiment
from roadseg.experiments.variants import Experiment
from roadseg.pipeline.commands import dvc
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.stage import run


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
        push_experiment(experiment.name)


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


if __name__ == "__main__":
    run(main)
