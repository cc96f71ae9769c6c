"""What several machines share: the git remote `origin` with the commit, and the DVC remote with data and results."""

import configparser
import os
import subprocess
from pathlib import Path

from roadseg.errors import UserError
from sweep.dvc_runs import DVC, last_line


def pushed_commit() -> tuple[str, str]:
    """Give the URL of `origin` and the present commit, which must be there for others to clone."""
    url = _git("remote", "get-url", "origin").stdout.strip()
    if not url:
        raise UserError("there is no git remote `origin` for the workers to clone; git remote add origin URL, git push")
    if (fetched := _git("fetch", "--quiet", "origin")).returncode:
        raise UserError(f"git remote {url}: {last_line(fetched.stderr)}")
    commit = _git("rev-parse", "HEAD").stdout.strip()
    if not _git("for-each-ref", "--contains", commit, "refs/remotes/origin").stdout:
        raise UserError(f"commit {commit[:7]} is not in {url}, from where the workers clone it; git push first")
    return str(Path(url).resolve()) if Path(url).is_dir() else url, commit


def check_store() -> None:
    """Raise a UserError where the commit names no DVC remote that every clone of it finds."""
    config = configparser.ConfigParser(interpolation=None)
    config.read_string(_git("show", "HEAD:.dvc/config").stdout)
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
    """Send what the commit has in the cache, so that others need not make it again."""
    done = subprocess.run([*DVC, "push"], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"dvc push failed: {last_line(done.stderr)}")


def push_experiment(name: str) -> None:
    """Send an experiment, in the place of one that a killed run may have sent, and the run cache for the others."""
    words = [*DVC, "exp", "push", "--force", "--run-cache", "origin", name]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"dvc exp push failed: {last_line(done.stderr)}")


def pull_experiment(name: str, commit: str) -> str:
    """Take an experiment of a commit over from the remotes; give the reason where that failed, or ""."""
    subprocess.run([*DVC, "exp", "remove", name], capture_output=True)  # of older inputs, if any
    reference = f"refs/exps/{commit[:2]}/{commit[2:]}/{name}"  # the name alone may stand for those of older commits
    words = [*DVC, "exp", "pull", "--force", "origin", reference]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        return f"dvc exp pull failed: {last_line(done.stderr)}"
    if "Missing cache files" in done.stderr:  # DVC takes it for a success
        return "its files are not in the DVC remote; is that the same place for all machines?"
    return ""


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], capture_output=True, text=True)
