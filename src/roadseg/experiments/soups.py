"""Model soups: the mean of several experiments' weights as an experiment of its own (Wortsman et al., ICML 2022).

It is a run of the pipeline with the first experiment's parameters that starts from the mean and trains for no epoch.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from roadseg.experiments.dvc_runs import Run
from roadseg.pipeline import paths
from roadseg.pipeline.commands import git
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.schema import read_yaml


def soup_overrides(name: str, sources: Sequence[str], runs: Mapping[str, Run]) -> dict[str, Any]:
    """Return what to set in params.yaml, by dotted keys, for the mean of the runs of those names.

    Where the sources are of different folds, the mean is of no fold. Raises UserError where `name` is taken or can't
    be that of an experiment, or where a source is named twice, has not finished or began with random weights.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or name == "HEAD":
        raise UserError(f"{name} is no name of an experiment; choose letters, digits, - and _")
    if twice := [source for source, number in Counter(sources).items() if number > 1]:
        raise UserError(f"{twice[0]} is named twice; name each experiment once")
    if name in runs:
        raise UserError(f"{name} is an experiment already; choose another name, or dvc exp remove {name} first")
    if missing := [source for source in sources if source not in runs]:
        raise UserError(f"{missing[0]} is no finished experiment; dvc exp show --all-commits lists them")
    if random := [source for source in sources if runs[source].params.pretrained == "none"]:
        raise UserError(
            f"{random[0]} began with random weights; only trainings from one start have a mean of use, so name those "
            "that have pretrained set"
        )
    first = yaml.safe_load(git("show", f"{runs[sources[0]].rev}:./{paths.PARAMS}"))
    overrides = dict(_changes(first, read_yaml(paths.PARAMS)))
    folds = {runs[source].params.data.fold for source in sources}
    fold = folds.pop() if len(folds) == 1 else "none"
    return overrides | {"data.fold": fold, "pretrained": f"exp:{'+'.join(sources)}", "train.epochs": 0}


def _changes(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The values of one params.yaml that differ from another's, where that has the same keys."""
    for key in there.keys() & here.keys():
        mine, theirs = there[key], here[key]
        if isinstance(mine, dict) and isinstance(theirs, dict) and mine and theirs:
            yield from _changes(mine, theirs, f"{prefix}{key}.")
        elif mine != theirs:
            yield f"{prefix}{key}", mine
