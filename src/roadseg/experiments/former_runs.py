"""Weights that a former run left: found by its name in git, and by what its dvc.lock says in DVC's cache.

`dvc exp run --temp` and DVC's queue work in a throw-away folder, whose git knows no experiments; there DVC_ROOT names
the repository that does.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from roadseg.pipeline import paths
from roadseg.pipeline.commands import dvc, git
from roadseg.pipeline.errors import UserError

SCHEME = "exp:"


@dataclass(frozen=True)
class FormerRun:
    """An experiment or a git revision, the file of git that says which commit it is, and the file of its weights."""

    name: str
    reference: Path | None
    weights: Path


def former_run(source: str) -> FormerRun | None:
    """Return the run that `exp:NAME` stands for; None for any other source.

    Raises UserError where the name is unknown, or its weights are not in DVC's cache here.
    """
    if not source.startswith(SCHEME):
        return None
    root, name = Path(os.environ.get("DVC_ROOT", ".")).resolve(), source.removeprefix(SCHEME)
    reference = _reference_of(name, root)
    commit = _commit_of(reference or name, root)
    if not commit:
        raise UserError(
            f"{SCHEME}{name}: there is no such experiment or git revision here; choose one that dvc exp list "
            f"--all-commits shows, or get it with dvc exp pull origin {name}"
        )
    md5 = _md5_of_weights(commit, root)
    if md5 is None:
        raise UserError(f"{SCHEME}{name}: its dvc.lock has no {paths.MODEL}; choose a run whose training has ended")
    weights = Path(dvc("cache", "dir", cwd=root).strip(), "files", "md5", md5[:2], md5[2:])
    if not weights.is_file():
        raise UserError(
            f"{SCHEME}{name}: {paths.MODEL} of it is not in DVC's cache here; get it with dvc exp pull origin {name}, "
            "of a commit with dvc fetch --all-commits, or run it again"
        )
    file = reference and root / git("rev-parse", "--git-path", reference, cwd=root).strip()
    return FormerRun(name, file if file and file.is_file() else None, weights)  # git may have packed it


def _reference_of(name: str, root: Path) -> str | None:
    """The git reference of the newest experiment of that name, refs/exps/xx/yyyy/NAME, whatever commit it is of."""
    found = git("for-each-ref", "--sort=-committerdate", "--format=%(refname)", "refs/exps", cwd=root).splitlines()
    return next((line for line in found if line.count("/") == 4 and line.endswith(f"/{name}")), None)


def _commit_of(revision: str, root: Path) -> str:
    try:
        return git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", cwd=root).strip()
    except UserError:
        return ""


def _md5_of_weights(commit: str, root: Path) -> str | None:
    try:
        lock = yaml.safe_load(git("show", f"{commit}:./{paths.LOCK}", cwd=root))
    except UserError:  # the commit has none
        return None
    return next((out["md5"] for out in _outs(lock) if out["path"] == str(paths.MODEL)), None)


def _outs(lock: Any) -> Iterator[dict[str, Any]]:
    for stage in lock["stages"].values():
        yield from stage.get("outs", [])
