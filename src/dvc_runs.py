"""DVC's experiments from outside: what has run, with which inputs and results, and how to run one more."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments import Experiment
from params import Params
from roadseg.errors import UserError

DVC = (sys.executable, "-m", "dvc")


@dataclass(frozen=True)
class Run:
    """A finished experiment: its parameters, the hashes of the code it ran, and its metrics by file."""

    name: str
    params: Params
    code: Mapping[str, str]
    metrics: Mapping[str, Mapping[str, Any]]


def finished_runs() -> tuple[dict[str, Run], dict[str, str]]:
    """The newest finished experiment of each name on any commit, and the hashes of the code in the workspace."""
    done = subprocess.run([*DVC, "exp", "show", "--json", "--all-commits"], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"dvc exp show failed: {last_line(done.stderr)}")
    baselines = json.loads(done.stdout)
    newest: dict[str, tuple[str, Run]] = {}
    for experiment in (x for baseline in baselines for x in baseline["experiments"] or []):
        data = experiment["revs"][0]["data"]
        name = experiment["name"]
        run = _run(name, data) if data else None
        if run and (name not in newest or data["timestamp"] > newest[name][0]):
            newest[name] = data["timestamp"], run
    return {name: run for name, (_, run) in newest.items()}, _code(baselines[0]["data"])


def _run(name: str, data: Mapping[str, Any]) -> Run | None:
    metrics = {file: content.get("data") for file, content in data["metrics"].items()}
    if not all(metrics.values()) or not metrics:
        return None
    params = {key: value for content in data["params"].values() for key, value in content["data"].items()}
    try:
        return Run(name, Params.model_validate(params), _code(data), metrics)
    except ValueError:  # of an older code with other parameters
        return None


def _code(data: Mapping[str, Any]) -> dict[str, str]:
    return {path: dep["hash"] for path, dep in data["deps"].items() if path.startswith("src/")}


def is_current(run: Run, experiment: Experiment, code: Mapping[str, str]) -> bool:
    """Whether a run is of the same code and parameters as the experiment would be now."""
    return run.code == code and run.params == Params.model_validate(experiment.params)


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
    return (own or lines or ["no output"])[-1]
