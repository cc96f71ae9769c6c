"""The whole pipeline under DVC, small, in a repository of its own: caches, a folder remote, and a release."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from conftest import PARAMS, ROOT, changed, write_params
from safetensors.torch import load_file, save_file
from small_project import SMALL

from roadseg.experiments.runs import finished_runs
from roadseg.pipeline.catalogues import read_params

DVC = [sys.executable, "-m", "dvc"]
pytestmark = pytest.mark.slow


# stages run `python`: the one that runs the tests
ENVIRONMENT = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(Path.home())}
ENVIRONMENT |= {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def run(folder, *words, fails=False):
    """Run a command in a folder; return all that it prints, or the standard output alone where it succeeds."""
    environment = ENVIRONMENT | {"ROADSEG_STORE": os.environ["ROADSEG_STORE"]}
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr if fails else done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A committed run of the pipeline on small frames, pushed to a folder remote."""
    folder = tmp_path_factory.mktemp("repository") / "project"
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", "data/.gitignore", "models/.gitignore", "metrics/.gitignore"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for name in ("ablation.csv", "ablation.png"):
        shutil.copy(ROOT / "metrics" / name, folder / "metrics" / name)
    write_params(changed(PARAMS, SMALL), folder)
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, *DVC, "init", "-q")
    run(folder, *DVC, "config", "core.analytics", "false")
    run(folder, *DVC, "remote", "add", "-d", "store", "../store")
    run(folder, *DVC, "repro")
    run(folder, "git", "add", ".")
    run(folder, "git", "commit", "-qm", "run")
    run(folder, *DVC, "push")
    return folder


def stages_run(output):
    return [line.removeprefix("> python src/")[:-3] for line in output.splitlines() if line.startswith("> ")]


def test_a_wrong_value_costs_no_output_and_git_undoes_it(project):
    mine = project / "data" / "seg_data"
    before = sorted(path.relative_to(mine) for path in mine.rglob("*"))
    for words, message in (
        (["-S", "loss=hinge"], "error: params.yaml: loss: 'hinge' is unknown; choose from"),
        (
            ["--temp", "-S", "data.source=syntetic"],
            "error: params.yaml: data.source: 'syntetic' is unknown; choose from",
        ),
        (["-S", "train.epochs=-99999"], "error: params.yaml: train.epochs: -99999 is wrong"),  # the length is as before
        (
            ["-S", "data.source=seg_data", "-S", f"data.seg_data.path={mine}"],
            "lies in data/seg_data, which DVC removes",
        ),
    ):
        assert message in run(project, *DVC, "exp", "run", *words, fails=True)
        assert sorted(path.relative_to(mine) for path in mine.rglob("*")) == before
        assert all((project / name).exists() for name in ("models/model.safetensors", "report/report.pdf"))
        run(project, "git", "checkout", "-q", ".")
    assert set(stages_run(run(project, *DVC, "repro"))) <= {"preflight"}
    assert run(project, "git", "status", "--porcelain") == ""


def test_new_content_behind_a_name_is_noticed(project, tmp_path):
    """Weights and frames that params.yaml names are in what DVC compares, files that are added to a folder too."""
    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", project, "clone")
    frames, weights = tmp_path / "frames", tmp_path / "w.safetensors"
    shutil.copytree(project / "data" / "seg_data", frames)
    shutil.copy(project / "models" / "model.safetensors", weights)
    changes = {"data.source": "seg_data", "data.seg_data.path": str(frames), "pretrained": f"file:{weights}"}
    changes |= {"data.allow_leak": True}
    params = changed(read_params(clone / "params.yaml"), changes)
    write_params(params, clone)
    fetched = "fetch_data", "fetch_pretrained"
    assert sorted(stages_run(run(clone, *DVC, "repro", *fetched))) == [*fetched, "preflight"]
    assert "up to date" in run(clone, *DVC, "status", *fetched)
    assert stages_run(run(clone, *DVC, "repro", *fetched)) == []
    save_file({**load_file(weights), "extra": torch.ones(1)}, weights)
    assert stages_run(run(clone, *DVC, "repro", *fetched)) == ["preflight", "fetch_pretrained"]
    stem = next((frames / "testing" / "label").iterdir()).stem
    for kind, ending in (("image", "jpg"), ("label", "png")):
        shutil.copy(frames / "testing" / kind / f"{stem}.{ending}", frames / "training" / kind / f"more.{ending}")
    assert stages_run(run(clone, *DVC, "repro", *fetched)) == ["preflight", *fetched]
    assert (clone / "data" / "seg_data" / "training" / "label" / "more.png").exists()
    assert "up to date" in run(clone, *DVC, "status", *fetched)


def test_a_fresh_clone_pulls_everything_and_has_nothing_to_do(project):
    clone = project.parent / "clone"
    run(project.parent, "git", "clone", "-q", "project", "clone")
    assert not (clone / "models" / "model.safetensors").exists()
    run(clone, *DVC, "pull")
    for name in ("models/model.safetensors", "report/report.pdf", "data/predictions/grey/000006_10.png"):
        assert (clone / name).read_bytes() == (project / name).read_bytes()
    assert stages_run(run(clone, *DVC, "repro")) == ["preflight"]  # its links are of this machine
    assert "Data and pipelines are up to date." in run(clone, *DVC, "repro")
    assert run(clone, "git", "status", "--porcelain") == ""


def test_an_edit_of_score_runs_score_alone(project):
    script = project / "src" / "score.py"
    text = script.read_text()
    script.write_text(text + "# edited\n")
    output = run(project, *DVC, "repro")
    script.write_text(text)
    assert stages_run(output) == ["score"]
    run(project, "git", "checkout", "-q", ".")
    assert "Data and pipelines are up to date." in run(project, *DVC, "repro")


def test_the_model_has_a_name_that_others_can_ask_for(project):
    artifacts = yaml.safe_load((project / "dvc.yaml").read_text())["artifacts"]
    (artifact,) = artifacts.values()
    assert (project / artifact["path"]).is_file()


def test_a_release_holds_the_weights_and_all_that_belongs_to_them(project):
    run(project, sys.executable, "src/release.py", "first")
    folder = project / "release" / "first"
    files = "README.md classes.json config.json flops.json model.onnx model.safetensors params.yaml per_class.csv"
    assert sorted(path.name for path in folder.iterdir()) == [*files.split(), "report.json", "score.json", "use.py"]
    weights, trained = (load_file(base / "model.safetensors") for base in (folder, project / "models"))
    assert weights.keys() == trained.keys()
    classes = json.loads((folder / "classes.json").read_text())
    assert classes[13] == {"train_id": 13, "name": "car", "rgb": [0, 0, 142]}
    card = (folder / "README.md").read_text()
    miou = json.loads((project / "metrics" / "report.json").read_text())["miou_percent"]
    assert f"{miou:.2f} % over all classes" in card
    assert "| resnet18_slim_segformer: Segformer, encoder tu-resnet18 |" in card
    assert re.search(r"^\| `model.onnx`, ONNX Runtime \|.*\| (99\.9\d\d|100\.000) % \|", card, re.MULTILINE)


def test_a_run_that_replaces_the_experiment_started_from_is_noticed(project, monkeypatch):
    def run_first(rate):
        changes = ["-S", "pretrained=none", "-S", f"train.lr={rate}"]
        run(project, *DVC, "exp", "run", "--temp", "--name", "first", *changes, "train")

    given, name = project / "models" / "pretrained.safetensors", "decoder.mlp_stage.0.linear.weight"
    run_first(0.002)
    run(project, *DVC, "exp", "run", "-S", "pretrained=exp:first", "fetch_pretrained")
    before = load_file(given)[name]
    assert "up to date" in run(project, *DVC, "status", "fetch_pretrained")
    run(project, *DVC, "exp", "remove", "first")
    run_first(0.003)
    assert stages_run(run(project, *DVC, "repro", "fetch_pretrained")) == ["preflight", "fetch_pretrained"]
    assert not load_file(given)[name].equal(before)
    run(project, "git", "checkout", "-q", ".")
    run(project, "git", "commit", "-q", "--allow-empty", "-m", "later")  # experiments of any commit are found
    monkeypatch.chdir(project)
    assert {name: run.params.train.lr for name, run in finished_runs().items()}["first"] == 0.003
