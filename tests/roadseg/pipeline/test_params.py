"""params.yaml and conf/: all errors in them are reported together, each with its remedy."""

import pytest
import yaml
from conftest import PARAMS, changed
from dvc.utils.hydra import apply_overrides

from roadseg.pipeline import params, paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import check_params

NAN = float("nan")


def test_the_projects_own_file_is_right():
    loaded = params.load_params()
    assert loaded.network == loaded.models[loaded.model]
    assert (loaded.flops.height, loaded.flops.width) == (375, 1242)
    assert loaded.decided()["train"]["lr"] == PARAMS["recipes"]["base"]["train"]["lr"]


def test_numbers_may_be_written_as_dvc_writes_them():
    checked, _ = check_params(
        changed(PARAMS, {"train.lr": "6e-05"})
    )  # PyYAML reads DVC's own spelling of 6e-5 as a string
    assert checked.train.lr == 6e-5


def test_dvc_changes_a_value_and_keeps_every_comment(tmp_path):
    before = paths.PARAMS.read_text()
    (tmp_path / "params.yaml").write_text(before)
    apply_overrides(tmp_path / "params.yaml", ["model=mit_b0_segformer", "train.lr=6e-5", "predict.passes.flip=true"])
    lines = zip(before.splitlines(), (tmp_path / "params.yaml").read_text().splitlines(), strict=True)
    assert [new for old, new in lines if old != new] == ["model: mit_b0_segformer", "  lr: 6e-05", "    flip: true"]


def test_every_problem_is_reported_at_once():
    content = changed(
        PARAMS, {"model": "no_such_net", "loss": "hinge", "schedule": "linear", "train.batch_size": "many"}
    )
    content["sed"], content["train"]["epoch"] = content.pop("seed"), content["train"].pop("epochs")
    _, found = check_params(content)
    for line in (
        "seed is missing; add it",
        "sed is not a parameter; did you mean seed?",
        "model: 'no_such_net' is unknown; choose from ",
        "loss: 'hinge' is unknown; choose from 'ce', 'weighted_ce', 'dice',",
        "schedule: 'linear' is unknown; choose from 'constant', 'cosine'",
        "train.epochs is missing; add it",
        "train.epoch is not a parameter; did you mean epochs?",
        "train.batch_size: 'many' is wrong; ",
    ):
        assert sum(one.startswith(line) for one in found) == 1, line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"data.synthetic.train_frames": 10**9}, "data.synthetic.train_frames: 1000000000 is wrong; "),
        ({"data.synthetic.seed": -1}, "data.synthetic.seed: -1 is wrong; input should be greater than or equal to 0"),
        ({"data.val_fraction": 1.5}, "data.val_fraction: 1.5 is wrong; input should be less than 1"),
        ({"data.fold": "x"}, "data.fold: 'x' is wrong; write none, or 1/4 for the first of four"),
        ({"flops.height": 1}, "flops.height: 1 is wrong; input should be"),
        ({"input.height": 375}, "input.height: 375 is wrong; input should be a multiple of 32"),
        ({"augmentation.strong.crop_width": 700}, "augmentation.strong.crop_width: 700 is wrong; input should be a"),
        ({"train.lr": -1}, "train.lr: -1 is wrong; input should be greater than 0"),
        ({"train.lr": NAN}, "train.lr: nan is wrong; input should be"),
        ({"train.clip": -1}, "train.clip: -1 is wrong; input should be greater than or equal to 0"),
        ({"train.epochs": True}, "train.epochs: True is wrong; write a number"),
        ({"train.logit_adjustment": 2}, "train.logit_adjustment: 2 is wrong; input should be less than or equal to 1"),
        ({"train.freeze": "head"}, "train.freeze: 'head' is wrong; write none, encoder or a number of epochs"),
        ({"train.freeze": 0}, "train.freeze: 0 is wrong; write none, encoder or a number of epochs"),
        ({"train.threads": 0}, "train.threads: 0 is wrong; write machine, or a number from 1 to 999"),
        ({"train.optimizer": None}, "train.optimizer: None is unknown; choose from 'adam'"),
        ({"seed": None}, "seed is empty; write a value"),
        ({"models": 5}, "models: 5 is wrong; input should be a valid dictionary"),
        ({"models": {1: {"arch": "x"}}}, "models.1.[key]: 1 is wrong; input should be a valid string"),
        ({"models.better_segnet": {"arc": "x"}}, "models.better_segnet.arch is missing; add it"),
    ],
)
def test_single_mistakes(changes, line):
    _, found = check_params(changed(PARAMS, changes))
    assert sum(one.startswith(line) for one in found) == 1, found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seed: 1 # \xe4".encode("latin-1"), r"is not UTF-8 \(byte \d+\); save it as UTF-8"),
        (b"[" * 3000 + b"]" * 3000, "nested too deeply"),
        (b"seed: 2026-13-01", r"is not valid YAML: month must be in 1\.\.12"),
        (b"seed: [1", "not valid YAML"),
        (b"3", "the file: 3 is wrong"),
        (None, "is not here; run this from the project's root folder"),
    ],
)
def test_files_that_hold_no_parameters(content, message, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")
    if content is not None:
        paths.PARAMS.write_bytes(content)
    with pytest.raises(UserError, match=message):
        params.load_params()


def test_an_error_in_a_catalogue_names_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")
    paths.PARAMS.write_text(yaml.safe_dump(changed(PARAMS, {"models.better_segnet": {}, "data.fold": "x"})))
    with pytest.raises(UserError) as caught:
        params.load_params()
    assert sorted(str(caught.value).split("\n"), reverse=True) == [
        "conf/models.yaml: better_segnet.arch is missing; add it",
        f"{paths.PARAMS}: data.fold: 'x' is wrong; write none, or 1/4 for the first of four",
    ]
