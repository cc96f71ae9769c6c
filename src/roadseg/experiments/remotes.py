"""What several machines share: the git remote `origin` with the commit, and the DVC remote with data and results."""

import configparser
import os
from pathlib import Path

from roadseg.experiments.dvc_runs import remove_experiment
from roadseg.pipeline.commands import dvc, git
from roadseg.pipeline.errors import UserError


def pushed_commit() -> tuple[str, str]:
    """Return the URL of `origin` and the present commit; UserError where others could not clone that from there."""
    try:
        url = git("remote", "get-url", "origin").strip()
    except UserError:
        raise UserError(
            "there is no git remote `origin` for the workers to clone; git remote add origin URL, git push"
        ) from None
    git("fetch", "--quiet", "origin")
    commit = git("rev-parse", "HEAD").strip()
    if not git("for-each-ref", "--contains", commit, "refs/remotes/origin"):
        raise UserError(f"commit {commit[:7]} is not in {url}, from where the workers clone it; git push first")
    return str(Path(url).resolve()) if Path(url).is_dir() else url, commit


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


def push_baseline() -> None:
    """Send what the commit has in the cache, so that others need not make it again; UserError where that fails."""
    dvc("push")


def push_experiment(name: str) -> None:
    """Send an experiment and the run cache to the remotes; UserError where that fails.

    It replaces one of the same name that a killed run may have sent.
    """
    dvc("exp", "push", "--force", "--run-cache", "origin", name)


def pull_experiment(name: str, commit: str) -> str:
    """Fetch an experiment of a commit from the remotes; return why that failed, or ""."""
    remove_experiment(name)  # of older inputs, if any
    reference = f"refs/exps/{commit[:2]}/{commit[2:]}/{name}"  # the name alone may stand for those of older commits
    try:
        output = dvc("exp", "pull", "--force", "origin", reference, with_stderr=True)
    except UserError as error:
        return str(error)
    if "Missing cache files" in output:  # DVC counts it as a success
        return "its files are not in the DVC remote; is that the same place for all machines?"
    return ""
