"""The ablation runs what has not run, on the machines it is given, and a failure costs only its own variant."""

import csv
import os
import sys
import threading
from dataclasses import replace

import pytest
from conftest import ROOT

import ablate
from roadseg.experiments.runs import Run, current_runs
from roadseg.experiments.variants import Experiment, choose, load_experiments
from roadseg.pipeline.commands import reason_in
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import check_params


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.chdir(ROOT)
    return choose(load_experiments(), ["quick"], 1)


def finished(experiment: Experiment, rev="same"):
    metrics = {
        "metrics/score.json": {"miou": 0.5},
        "metrics/flops.json": {"gflops": 10.0, "gflops_ran": 2.5, "params_m": 5.0},
        "metrics/train_times.json": {"seconds": 60.0},
    }
    params, _ = check_params(experiment.params)
    assert params is not None
    return Run(experiment.name, rev, params, metrics)


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
    monkeypatch.setattr("roadseg.experiments.runs.code_has_changed", lambda rev: rev != "same")
    monkeypatch.setattr(ablate, "refuse_uncommitted_code", lambda: None)
    return world


def run_all(chosen, *words):
    """What `ablate.py run WORDS` does with these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["ablate.py", "run", *words])
        ablate.run_all(chosen, ablate.parse_arguments())


def test_a_broken_variant_in_the_middle_costs_only_itself(quick, world, capsys):
    world["fail"] = {quick[1].name}
    with pytest.raises(
        UserError, match=rf"{quick[1].name}: error: the loss became nan\n1 of {len(quick)} variants failed"
    ):
        run_all(quick)
    assert [name for name, _ in world["started"]] == [experiment.name for experiment in quick]
    assert f"{quick[2].name}: done" in capsys.readouterr().out


def test_what_has_run_with_the_same_inputs_is_not_run_again(quick, world):
    world["runs"] = {experiment.name: finished(experiment) for experiment in quick}
    run_all(quick)
    assert world["started"] == []
    world["runs"][quick[0].name] = finished(quick[0], rev="older")
    other_params = replace(quick[2], params={**quick[2].params, "seed": 9})
    run_all([quick[0], quick[1], other_params])
    assert [name for name, _ in world["started"]] == [quick[0].name, quick[2].name]


def test_each_gpu_gets_one_variant_at_a_time_and_jobs_share_the_cores(quick, world, monkeypatch):
    run_all(quick, "--gpus", "0,3")
    assert {environment["CUDA_VISIBLE_DEVICES"] for _, environment in world["started"]} <= {"0", "3"}
    assert len(world["started"]) == len(quick)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    run_all(quick, "--jobs", "4")
    assert all(given == {"OMP_NUM_THREADS": "2", "ROADSEG_WORKERS": "2"} for _, given in world["started"][len(quick) :])


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--ray", "auto", "--jobs", "2"], "--ray assigns the machines itself"),
        (["--ray", "auto", "--gpus", "0,1"], "--ray assigns the machines itself"),
        (["--ray", "auto", "--queue"], "--ray assigns the machines itself"),
        (["--gpu-share", "0.5"], "--gpu-share goes with --ray"),
        (["--seeds", "0"], "--seeds 0 is too few"),
    ],
)
def test_options_that_exclude_each_other_are_refused(words, problem):
    with pytest.raises(UserError, match=problem):
        run_all([], *words)


def test_on_ray_the_outcome_is_told_as_here(quick, world, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ablate, "LOGS", tmp_path)
    monkeypatch.setattr(ablate, "sweep", lambda *_: iter([(quick[0], "no", "log\n"), (quick[1], "", "log\n")]))
    with pytest.raises(UserError, match=r"^quick-ce-s1: no\n1 of 2 variants failed; the others are done$"):
        run_all(quick[:2], "--ray", "auto")
    log = tmp_path / "quick-weighted_ce-s1.log"
    assert f"quick-weighted_ce-s1: done, output in {log}" in capsys.readouterr().out
    assert log.read_text() == "log\n"


@pytest.fixture
def table(monkeypatch, tmp_path):
    """A function that makes the table of some runs, and returns its variants with their seeds."""
    experiments = load_experiments()
    monkeypatch.setattr(ablate.paths, "ABLATION", tmp_path / "ablation")

    def make(chosen, partial=False):
        ablate.make_table(experiments, chosen, partial)
        with (tmp_path / "ablation.csv").open() as file:
            return {row["variant"]: row["seeds"] for row in csv.DictReader(file)}

    return make


def test_a_table_has_every_variant_of_its_groups_in_three_forms(quick, world, table, capsys, tmp_path):
    world["runs"] = {experiment.name: finished(experiment) for experiment in quick}
    assert table(quick) == {experiment.variant: "1" for experiment in quick}
    assert (tmp_path / "ablation.md").read_text() in capsys.readouterr().out
    assert (tmp_path / "ablation.png").stat().st_size > 10_000
    rows = (tmp_path / "ablation.md").read_text()
    assert "| mit_b0 | N | Y | Y | 50.00 | +0.00 | ce_dice_cosine |" in rows
    assert "| ce | N | N | N | 50.00 |  |  |" in rows


def test_a_table_with_gaps_is_refused_and_leaves_the_old_one(quick, world, table, tmp_path):
    with pytest.raises(UserError, match="none of these variants has run with the present code"):
        table(quick)
    world["runs"] = {experiment.name: finished(experiment) for experiment in quick[:2]}
    world["runs"][quick[2].name] = finished(quick[2], rev="older")
    (tmp_path / "ablation.csv").write_text("group,variant\nquick,ce\n")
    missing = ", ".join(experiment.name for experiment in quick[2:])
    with pytest.raises(
        UserError, match=rf"3 of 5 runs of this table are missing: {missing}; .* run quick, or .*--part"
    ):
        table(quick)
    assert (tmp_path / "ablation.csv").read_text() == "group,variant\nquick,ce\n"


def test_a_partial_table_says_what_has_not_run_and_what_is_gone(quick, world, table, tmp_path, capsys):
    world["runs"] = {experiment.name: finished(experiment) for experiment in quick[:4]}
    (tmp_path / "ablation.csv").write_text("group,variant\nquick,ce\nquick,old\nstudy,dice\n")
    assert table(quick, partial=True) == {**{experiment.variant: "1" for experiment in quick[:4]}, "mit_b0": ""}
    assert "| mit_b0 | N | Y | Y | not run |  | ce_dice_cosine |" in (tmp_path / "ablation.md").read_text()
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "not run with the present code: quick-mit_b0-s1",
        "no longer in the table: quick-old, study-dice",
    ]


def test_each_seed_counts_and_groups_of_which_nothing_has_run_stay_out(quick, world, table):
    runs = choose(load_experiments(), ["quick", "precision"], 2)
    first = [experiment for experiment in runs if experiment.group == "quick"]
    world["runs"] = {experiment.name: finished(experiment) for experiment in first}
    assert table(runs) == {experiment.variant: "1, 2" for experiment in quick}
    del world["runs"]["quick-ce-s2"]
    with pytest.raises(UserError, match="1 of 10 runs of this table is missing: quick-ce-s2; "):
        table(runs)
    assert table(runs, partial=True)["ce"] == "1"


def test_list_says_what_has_run_and_ends_quietly_where_nobody_reads_on(quick, world, capfd, monkeypatch):
    world["runs"] = {quick[0].name: finished(quick[0]), quick[1].name: finished(quick[1], rev="older")}
    ablate.list_experiments(load_experiments(), quick)
    states = [line[33:44].strip() for line in capfd.readouterr().out.splitlines()]
    assert states[:3] == ["has run", "outdated", "-"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        ablate.list_experiments(load_experiments(), quick)


def test_of_the_catalogues_dvc_shows_the_chosen_rows_alone(quick, world):
    chosen = quick[0].params
    shown = {"models": {chosen["model"]: chosen["models"][chosen["model"]]}}
    shown["recipes"] = {name: chosen["recipes"][name] for name in ("base", chosen["recipe"])}
    for change, current in (({}, True), ({"loss": "dice"}, False)):
        run = finished(replace(quick[0], params={**chosen, **shown, **change}))
        assert current_runs(quick, {run.name: run}) == ({run.name: run} if current else {})


def test_numbers_that_dvc_wrote_as_text_are_the_same_parameters(quick, world):
    run = finished(quick[0])
    params = {**quick[0].params, "train": quick[0].params["train"] | {"lr": "1e-03"}}
    assert run.name in current_runs([replace(quick[0], params=params)], {run.name: run})


def test_the_reason_of_a_failure_is_the_stages_own_line():
    log = "Running stage 'train':\nerror: params.yaml: loss: 'x' is unknown\n\nERROR: failed to reproduce 'train'\n"
    assert reason_in(log) == "params.yaml: loss: 'x' is unknown"
    assert reason_in("ERROR: no such revision\nHaving any troubles?\n") == "no such revision"
    assert reason_in("fatal: no repository\n\nSee the manual\n") == "no repository"
    assert reason_in("") == "no output"
