"""DVC's experiments from outside: what has run, with which inputs and results, and how to run one more."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.params import Params, check_params
from pipeline.schema import read_yaml
from roadseg.errors import UserError
from sweep.experiments import Experiment

DVC = (sys.executable, "-m", "dvc")


@dataclass(frozen=True)
class Run:
    """A finished experiment: its commit, its parameters and its metrics by file."""

    name: str
    rev: str
    params: Params
    metrics: Mapping[str, Mapping[str, Any]]


def finished_runs() -> dict[str, Run]:
    """The newest finished experiment of each name, on any commit."""
    done = subprocess.run([*DVC, "exp", "show", "--json", "--all-commits"], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"dvc exp show failed: {last_line(done.stderr)}")
    newest: dict[str, tuple[str, Run]] = {}
    for experiment in (x for baseline in json.loads(done.stdout) for x in baseline["experiments"] or []):
        data, name = experiment["revs"][0]["data"], experiment["name"]
        run = _run(name, data) if data else None
        if run and (name not in newest or data["timestamp"] > newest[name][0]):
            newest[name] = data["timestamp"], run
    return {name: run for name, (_, run) in newest.items()}


def _run(name: str, data: Mapping[str, Any]) -> Run | None:
    metrics = {file: content.get("data") for file, content in data["metrics"].items()}
    if not all(metrics.values()) or not metrics:
        return None
    content = {key: value for file in data["params"].values() for key, value in file["data"].items()}
    params, _ = check_params(content)  # None for those of an older code with other parameters
    return Run(name, data["rev"], params, metrics) if params else None


def is_current(run: Run, experiment: Experiment) -> bool:
    """Whether a run is of the same code and parameters as the experiment would be now."""
    return run.params == check_params(experiment.params)[0] and not code_has_changed(run.rev)


def code_has_changed(rev: str) -> bool:
    """Whether the code that the stages depend on has changed since a commit."""
    stages = read_yaml(Path("dvc.yaml"))["stages"].values()
    code = {dep for stage in stages for dep in stage["deps"] if dep.startswith("src/")}
    return subprocess.run(["git", "diff", "--quiet", rev, "--", *sorted(code)]).returncode != 0


def run_experiment(experiment: Experiment, environment: Mapping[str, str], log: Path, queue: bool = False) -> str:
    """Run one experiment in a folder of its own, or put it into DVC's queue; give the reason where it failed, or ""."""
    subprocess.run([*DVC, "exp", "remove", experiment.name], capture_output=True)  # of older inputs, if any
    changes = [word for key, value in experiment.overrides.items() for word in ("-S", f"{key}={json.dumps(value)}")]
    how = "--queue" if queue else "--temp"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        words = [*DVC, "exp", "run", how, "--name", experiment.name, *changes]
        done = subprocess.run(words, stdout=file, stderr=subprocess.STDOUT, env=os.environ | environment)
    return last_line(log.read_text()) if done.returncode else ""


def last_line(text: str) -> str:
    """What a failed command said last, a stage's own `error:` line before DVC's."""
    lines = [line for line in text.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("error: ")]
    return (own or lines or ["no output"])[-1].removeprefix("error: ")
