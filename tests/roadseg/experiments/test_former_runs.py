"""The weights of former runs are found by name, in a repository of one small stage, also from a throw-away folder."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadseg.experiments.former_runs import FormerRun, former_run
from roadseg.pipeline.commands import dvc, git
from roadseg.pipeline.errors import UserError

pytestmark = pytest.mark.slow  # starts DVC

STAGES = """
stages:
  train:
    cmd: mkdir -p models && cp params.yaml models/model.safetensors
    params: [value]
    outs: [models/model.safetensors]
"""


def run_with(value: int, name: str, *how: str) -> None:
    dvc("exp", "run", *how, "--name", name, "-S", f"value={value}")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository with an experiment `one`, another `two` made in a folder of its own, and a commit without a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("repository"))
        for who in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{who}_NAME", "a")
            patch.setenv(f"GIT_{who}_EMAIL", "a@b")
        git("init", "-q", "-b", "main")
        dvc("init", "-q")
        Path("dvc.yaml").write_text(STAGES)
        Path("params.yaml").write_text("value: 0\n")
        git("add", ".")
        git("commit", "-qm", "code")
        git("tag", "code")
        run_with(1, "one")
        git("checkout", "-q", ".")
        run_with(2, "two", "--temp")
        yield Path.cwd()


@pytest.fixture(autouse=True)
def inside(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)


def found(source: str) -> FormerRun:
    run = former_run(source)
    assert run
    return run


def value(source: str) -> str:
    return found(source).weights.read_text()


def test_an_experiment_stands_for_its_weights() -> None:
    assert value("exp:one") == "value: 1\n"
    assert value("exp:two") == "value: 2\n"
    assert former_run("file:exp:one") is former_run("none") is None


def test_its_file_of_git_changes_when_it_runs_again() -> None:
    before = found("exp:two")
    assert before.reference is not None
    commit = before.reference.read_text()
    dvc("exp", "remove", "two")
    run_with(3, "two", "--temp")
    after = found("exp:two")
    assert after.weights.read_text() == "value: 3\n"
    assert after.reference == before.reference
    assert after.reference.read_text() != commit


def test_a_packed_reference_has_no_file() -> None:
    git("pack-refs", "--all")
    run = found("exp:one")
    assert run.reference is None
    assert run.weights.read_text() == "value: 1\n"


def test_a_commit_stands_for_its_weights_too(repository: Path) -> None:
    commit = git("for-each-ref", "--format=%(objectname)", "refs/exps/*/*/one").strip()
    git("tag", "kept", commit)
    assert value(f"exp:{commit[:12]}") == value("exp:kept") == "value: 1\n"


def test_another_folder_asks_the_repository_that_dvc_names(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "clone", "-q", repository, tmp_path / "clone"], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    with pytest.raises(UserError, match=r"^exp:one: there is no such experiment or git revision here"):
        former_run("exp:one")
    monkeypatch.setenv("DVC_ROOT", str(repository))
    assert value("exp:one") == "value: 1\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("three", "there is no such experiment or git revision here; choose one that dvc exp list --all-commits shows"),
        ("", "there is no such experiment"),
        ("--all", "there is no such experiment or git revision here; "),
        ("code", r"its dvc\.lock has no models/model\.safetensors; choose a run whose training has ended"),
    ],
)
def test_a_run_without_weights_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^exp:{name}: {message}"):
        former_run(f"exp:{name}")


def test_weights_that_are_not_in_the_cache_are_asked_for() -> None:
    run = found("exp:one")
    away = run.weights.rename(run.weights.with_suffix(".away"))
    with pytest.raises(UserError, match=r"^exp:one: .* is not in DVC's cache here; get it with dvc exp pull "):
        former_run("exp:one")
    away.rename(run.weights)
