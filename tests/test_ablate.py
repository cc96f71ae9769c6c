"""The ablation runs what has not run, on the machines it is given, and a failure costs only its own variant."""

import sys
import threading

import pytest
from conftest import ROOT

import ablate
from pipeline.commands import reason_in
from pipeline.params import Params
from roadseg.errors import UserError
from sweep.dvc_runs import Run, is_current
from sweep.experiments import Experiment, choose, load_experiments


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.chdir(ROOT)
    return choose(load_experiments(), ["quick"], 1)


def finished(experiment: Experiment, rev="same"):
    metrics = {
        "metrics/score.json": {"miou": 0.5},
        "metrics/flops.json": {"gflops": 10.0, "params_m": 5.0},
        "metrics/train_times.json": {"seconds": 60.0},
    }
    return Run(experiment.name, rev, Params.model_validate(experiment.params), metrics)


@pytest.fixture
def world(monkeypatch):
    """What has run, what gets run with which environment, and which names fail."""
    world = {"runs": {}, "started": [], "fail": set(), "lock": threading.Lock()}

    def run_experiment(experiment, environment, log, queue):
        with world["lock"]:
            world["started"].append((experiment.name, environment))
        return "error: the loss became nan" if experiment.name in world["fail"] else ""

    monkeypatch.setattr(ablate, "run_experiment", run_experiment)
    monkeypatch.setattr(ablate, "finished_runs", lambda: world["runs"])
    monkeypatch.setattr("sweep.dvc_runs.code_has_changed", lambda rev: rev != "same")
    monkeypatch.setattr(ablate, "refuse_uncommitted_code", lambda: None)
    return world


def test_a_broken_variant_in_the_middle_costs_only_itself(quick, world, capsys):
    world["fail"] = {quick[1].name}
    with pytest.raises(
        UserError, match=rf"{quick[1].name}: error: the loss became nan\n1 of {len(quick)} variants failed"
    ):
        ablate.run_all(quick, [{}], queue=False)
    assert [name for name, _ in world["started"]] == [experiment.name for experiment in quick]
    assert f"{quick[2].name}: done" in capsys.readouterr().out


def test_what_has_run_with_the_same_inputs_is_not_run_again(quick, world):
    world["runs"] = {experiment.name: finished(experiment) for experiment in quick}
    ablate.run_all(quick, [{}], queue=False)
    assert world["started"] == []
    world["runs"][quick[0].name] = finished(quick[0], rev="older")
    other_params = Experiment(**{**vars(quick[2]), "params": {**quick[2].params, "seed": 9}})
    ablate.run_all([quick[0], quick[1], other_params], [{}], queue=False)
    assert [name for name, _ in world["started"]] == [quick[0].name, quick[2].name]


def test_each_gpu_gets_one_variant_at_a_time(quick, world, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["ablate.py", "run", "quick", "--gpus", "0,3"])
    ablate.run_all(quick, ablate.environments_of(ablate.parse_arguments()), queue=False)
    assert {environment["CUDA_VISIBLE_DEVICES"] for _, environment in world["started"]} <= {"0", "3"}
    assert len(world["started"]) == len(quick)


def test_jobs_share_the_cores(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setattr(sys, "argv", ["ablate.py", "run", "--jobs", "4"])
    assert ablate.environments_of(ablate.parse_arguments()) == [{"OMP_NUM_THREADS": "2", "ROADSEG_WORKERS": "2"}] * 4


def test_table_holds_what_is_current_and_refuses_to_be_empty(quick, world, monkeypatch, tmp_path, capsys):
    experiments = load_experiments()
    monkeypatch.setattr(ablate.paths, "ABLATION", tmp_path / "ablation")
    with pytest.raises(UserError, match="none of these variants has run with the present code"):
        ablate.write_table(experiments, quick)
    world["runs"] = {experiment.name: finished(experiment) for experiment in quick[:2]}
    world["runs"][quick[2].name] = finished(quick[2], rev="older")
    ablate.write_table(experiments, quick)
    lines = (tmp_path / "ablation.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines] == ["variant", quick[0].variant, quick[1].variant]
    assert (tmp_path / "ablation.md").read_text() in capsys.readouterr().out
    assert (tmp_path / "ablation.png").stat().st_size > 10_000


def test_list_says_what_has_run(quick, world, capsys):
    world["runs"] = {quick[0].name: finished(quick[0]), quick[1].name: finished(quick[1], rev="older")}
    ablate.list_experiments(load_experiments(), quick)
    states = [line[33:44].strip() for line in capsys.readouterr().out.splitlines()]
    assert states[:3] == ["has run", "outdated", "-"]


def test_numbers_that_dvc_wrote_as_text_are_the_same_parameters(quick, world):
    run = finished(quick[0])
    params = {**quick[0].params, "train": quick[0].params["train"] | {"lr": "1e-03"}}
    assert is_current(run, Experiment(**{**vars(quick[0]), "params": params}))


def test_the_reason_of_a_failure_is_the_stages_own_line():
    log = "Running stage 'train':\nerror: params.yaml: loss: 'x' is unknown\n\nERROR: failed to reproduce 'train'\n"
    assert reason_in(log) == "params.yaml: loss: 'x' is unknown"
    assert reason_in("ERROR: no such revision\nHaving any troubles?\n") == "no such revision"
    assert reason_in("fatal: no repository\n\nSee the manual\n") == "no repository"
    assert reason_in("") == "no output"
