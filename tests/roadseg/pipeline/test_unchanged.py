"""A stage stops where its parameters change while DVC runs; with real DVC, and a second command beside it."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.unchanged import params_taken, same_params, stop_where_changed

DVC = [sys.executable, "-m", "dvc"]
ENVIRONMENT = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(Path.home())}
ENVIRONMENT |= {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
STAGE = """
import sys, time
from pathlib import Path
sys.path.insert(0, "src")
from roadseg.pipeline.params import load_params
from roadseg.pipeline.stage import run_stage
def main():
    lr = load_params().train.lr
    Path("started").touch()
    while not Path("go").exists():
        time.sleep(0.02)
    Path("out").write_text(str(lr))
run_stage(main)
"""
PIPELINE = {
    "first": {"cmd": "python stage.py", "params": ["train.lr"], "deps": ["data/inputs/checked"], "outs": ["out"]},
    "second": {"cmd": "cat out", "deps": ["out"]},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A repository of the stage `preflight` and of one that waits until it may go on."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    preflight = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["preflight"]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"preflight": preflight} | PIPELINE}))
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copytree(ROOT / "conf", folder / "conf")
    (folder / "stage.py").write_text(STAGE)
    (folder / ".gitignore").write_text("/data\n/out\n/started\n/go\n")
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, *DVC, "init", "-q")
    run(folder, *DVC, "config", "core.analytics", "false")
    run(folder, "git", "add", ".")
    run(folder, "git", "commit", "-qm", "start")
    return folder


def run(folder, *words):
    return subprocess.run(words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)


def repro_while(folder, change):
    """Run the pipeline with a `change` of params.yaml while its stage is at work; return the exit code and the rest."""
    for name in ("go", "started"):
        (folder / name).unlink(missing_ok=True)
    process = subprocess.Popen(
        [*DVC, "repro"], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while process.poll() is None and not (folder / "started").exists():
        time.sleep(0.02)
    change()
    (folder / "go").touch()
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


@pytest.mark.slow
def test_an_experiment_beside_a_running_repro_does_not_get_into_its_results(project):
    refused = []
    code, output = repro_while(
        project, lambda: refused.append(run(project, *DVC, "exp", "run", "-S", "train.lr=0.5", "first"))
    )
    assert refused[0].returncode != 0
    assert "busy" in refused[0].stderr + refused[0].stdout or "lock" in refused[0].stderr
    assert yaml.safe_load((project / "params.yaml").read_text())["train"]["lr"] == 0.5
    assert code != 0
    assert "error: params.yaml: train.lr is 0.5, and was None when it was checked" in output
    assert "Traceback" not in output
    locked = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    assert "first" not in locked
    code, output = repro_while(project, lambda: None)  # with the value that is there now
    assert (code, (project / "out").read_text()) == (0, "0.5"), output


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A stage that DVC has started, and parameters; returns how to write these."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_STAGE", "train")
    paths.PIPELINE.write_text(
        yaml.safe_dump(
            {"stages": {"train": {"params": ["model", {"conf/models.yaml": ["${model}"]}, "train"]}, "report": {}}}
        )
    )

    def write(path=paths.PARAMS, **values):
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {"model": "a", "models": {"a": {"arch": "x"}, "b": {"arch": "x"}}, "train": {"lr": 1}, "seed": 1}
        content |= {"class_sets": {}, "recipes": {}, "schedules": {}}
        path.write_text(yaml.safe_dump(content | values))

    write()
    return write


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": {"lr": 2}}, "params.yaml: train.lr is 2, and was 1 when it was checked"),
        ({"train": {}}, "params.yaml: train.lr is None, and was 1"),
        ({"train": None}, "params.yaml: train is None, and was {'lr': 1}"),
        ({"train": {"lr": 1, 2: 0}}, "params.yaml: train.2 is 0, and was None"),
        ({"models": {"a": {"arch": "y"}}}, "conf/models.yaml: a.arch is 'y', and was 'x'"),
        ({"model": "b", "train": {"lr": 2}}, r"params.yaml: model is 'b', and was 'a' \(and 1 more\)"),
    ],
)
def test_a_change_is_seen_before_and_after_the_work(stage, change, message):
    with pytest.raises(UserError, match=f"^{message}"), same_params():
        stage(**change)
    stage(paths.PARAMS_TAKEN)
    entered = []
    with pytest.raises(UserError, match=f"^{message}"), same_params():
        entered.append(1)
    assert not entered
    assert not paths.PARAMS_TAKEN.exists()  # preflight takes the parameters anew


def test_what_the_stage_does_not_read_may_change(stage, monkeypatch):
    stage(paths.PARAMS_TAKEN)
    with same_params():
        stage(seed=2, models={"a": {"arch": "x"}, "b": {"arch": "z"}})
    assert params_taken()["seed"] == 1
    monkeypatch.setenv("DVC_STAGE", "report")
    with same_params():
        stage(train={"lr": 3})


def test_without_dvc_the_file_counts(stage, monkeypatch):
    stage(paths.PARAMS_TAKEN)
    stage(train={"lr": 2})
    with pytest.raises(UserError):
        stop_where_changed(params_taken())
    stage(paths.PARAMS_TAKEN)
    monkeypatch.delenv("DVC_STAGE")
    stop_where_changed(params_taken())
    with same_params():
        stage(train={"lr": 4})
