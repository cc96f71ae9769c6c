"""DVC's experiments from outside: what has run, with which inputs and results, and how to run one more."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadseg.experiments.variants import Experiment
from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import CATALOGUES
from roadseg.pipeline.commands import dvc, dvc_into_log, git
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import Params, check_params
from roadseg.pipeline.schema import read_yaml

_REFERENCE = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/.+")


@dataclass(frozen=True)
class Run:
    """A finished experiment: its commit, its parameters and its metrics by file."""

    name: str
    rev: str
    params: Params
    metrics: Mapping[str, Mapping[str, Any]]


def finished_runs() -> dict[str, Run]:
    """Return the newest finished experiment of each name, on any commit; UserError where DVC can't list them."""
    newest: dict[str, tuple[str, Run]] = {}
    # not of all commits: DVC would read the metrics of each
    revs = [word for rev in _baselines() for word in ("--rev", rev)]
    baselines = json.loads(dvc("exp", "show", "--json", *revs)) if revs else []
    for experiment in (row for baseline in baselines for row in baseline["experiments"] or []):
        data, name = experiment["revs"][0]["data"], experiment["name"]
        run = _run(name, data) if data else None
        if run and (name not in newest or data["timestamp"] > newest[name][0]):
            newest[name] = data["timestamp"], run
    return {name: run for name, (_, run) in newest.items()}


def _baselines() -> list[str]:
    """The commits that experiments started from, by the references in which DVC keeps them."""
    found = map(_REFERENCE.fullmatch, git("for-each-ref", "--format=%(refname)", "refs/exps").splitlines())
    return sorted({match[1] + match[2] for match in found if match})


def _run(name: str, data: Mapping[str, Any]) -> Run | None:
    metrics = {file: content.get("data") for file, content in data["metrics"].items()}
    if not all(metrics.values()) or not metrics:
        return None
    files = {file: content["data"] for file, content in data["params"].items()}
    rows = {key: files.get(str(file), {}) for key, file in CATALOGUES.items()}  # those that the stages depend on
    # None for those of an older code with other parameters
    params, _ = check_params(files.get(str(paths.PARAMS), {}) | rows)
    return Run(name, data["rev"], params, metrics) if params else None


def current_runs(experiments: Iterable[Experiment], runs: Mapping[str, Run]) -> dict[str, Run]:
    """Return those of the finished runs that have an experiment's present code and parameters, by its name.

    Raises UserError where git fails.
    """
    return {one.name: runs[one.name] for one in experiments if one.name in runs and _is_current(runs[one.name], one)}


def _is_current(run: Run, experiment: Experiment) -> bool:
    params, _ = check_params(experiment.params)
    return params is not None and run.params.decided() == params.decided() and not code_has_changed(run.rev)


def code_has_changed(rev: str) -> bool:
    """Return whether the code that the stages depend on has changed since a commit; UserError for an unknown commit."""
    stages = read_yaml(paths.PIPELINE)["stages"].values()
    code = {dep for stage in stages for dep in stage["deps"] if dep.startswith("src/")}
    return git("diff", "--name-only", rev, "--", *sorted(code)) != ""


def run_experiment(experiment: Experiment, environment: Mapping[str, str], log: Path, queue: bool = False) -> str:
    """Run one experiment in a folder of its own, or put it into DVC's queue; return why it failed, or ""."""
    remove_experiment(experiment.name)  # of older inputs, if any
    changes = [word for key, value in experiment.overrides.items() for word in ("-S", f"{key}={json.dumps(value)}")]
    how = "--queue" if queue else "--temp"
    try:
        dvc_into_log(log, "exp", "run", how, "--name", experiment.name, *changes, environment=environment)
    except UserError as error:
        return str(error)
    return ""


def remove_experiment(name: str) -> None:
    """Remove the experiment of that name, if there is one."""
    with suppress(UserError):
        dvc("exp", "remove", name)
