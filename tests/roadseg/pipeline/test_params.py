"""params.yaml: all errors in it are reported together, each with its remedy."""

import pytest
import yaml
from conftest import ROOT

from roadseg.pipeline import params, paths
from roadseg.pipeline.errors import UserError

GOOD = (ROOT / "params.yaml").read_text()


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")

    def load(text):
        paths.PARAMS.write_text(text)
        return params.load_params()

    return load


def problems(load, *changes):
    text = GOOD
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    with pytest.raises(UserError) as caught:
        load(text)
    return [line.removeprefix(f"{paths.PARAMS}: ") for line in str(caught.value).split("\n")]


def test_the_projects_own_file_is_right(load):
    loaded = load(GOOD)
    assert loaded.model in loaded.models
    assert (loaded.flops.height, loaded.flops.width) == (375, 1242)


def test_numbers_may_be_written_as_dvc_writes_them(load):
    changed = yaml.safe_load(GOOD)
    changed["train"]["lr"] = "6e-05"  # PyYAML reads DVC's own spelling of 6e-5 as a string
    assert load(yaml.safe_dump(changed)).train.lr == 6e-5


def test_every_problem_is_reported_at_once(load):
    found = problems(
        load,
        ("\nseed: ", "\nsed: "),
        ("\nmodel: ", "\nmodel: no_such_net #"),
        ("\nloss: ", "\nloss: hinge #"),
        ("\nschedule: ", "\nschedule: linear #"),
        ("\n  epochs:", "\n  epoch:"),
        ("  batch_size: ", "  batch_size: many #"),
    )
    assert "seed is missing; add it" in found
    assert "sed is not a parameter; did you mean seed?" in found
    assert any(line.startswith("model: 'no_such_net' is not in the catalogue `models`; choose from ") for line in found)
    assert any(line.startswith("loss: 'hinge' is unknown; choose from 'ce', 'weighted_ce', 'dice',") for line in found)
    assert any(line.startswith("schedule: 'linear' is unknown; choose from 'constant', 'cosine'") for line in found)
    assert "train.epochs is missing; add it" in found
    assert "train.epoch is not a parameter; did you mean epochs?" in found
    assert any(line.startswith("train.batch_size: 'many") for line in found)
    assert any(line.startswith("predict.batch_size: 'many") for line in found)
    assert any(line.startswith("train.epoch: recipe, but recipes.scratch has no train.epoch") for line in found)
    assert len(found) == 10


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "train_frames: 150",
            "train_frames: 1000000000",
            "data.synthetic.train_frames: 1000000000 is wrong; ",
        ),
        ("    seed: 1", "    seed: -1", "data.synthetic.seed: -1 is wrong; input should be greater than or equal to 0"),
        (
            "  height: 375\n  width: 1242\n  #",
            "  height: 1\n  width: 1\n  #",
            "flops.height: 1 is wrong; input should be",
        ),
        (
            "  height: 375\n  width: 1242\n  #",
            "  height: 100000\n  width: 100000\n  #",
            "flops.width: 100000 is wrong; ",
        ),
        ("source: synthetic", "source: seg_data", "data.seg_data.path is empty, but data.source is seg_data"),
        ("network: trained", "network: tiny", "flops.network: 'tiny' is unknown; choose from trained, baseline_segnet"),
        ("val_fraction: 0.1", "val_fraction: 0", "data.val_fraction: 0, but train.select is val; hold some frames out"),
        ("val_fraction: 0.1", "val_fraction: 1.5", "data.val_fraction: 1.5 is wrong; input should be less than 1"),
        ("\n  lr: ", "\n  lr: -1 #", "train.lr: -1 is wrong; input should be greater than 0"),
        ("\n  lr: ", "\n  lr: .nan #", "train.lr: nan is wrong; input should be"),
        ("  clip: 0.0", "  clip: -1", "train.clip: -1 is wrong; input should be greater than or equal to 0"),
        (
            "  precision: bf16-mixed\n  # torch",
            "  precision: 16-mixed\n  clip: 1.0\n  # torch",
            "train.clip: fused optimisers can't clip in 16-mixed; set train.precision to bf16-mixed, or clip to 0",
        ),
        (
            "  freeze: none",
            "  freeze: head",
            "train.freeze: 'head' is wrong; write none, encoder or a number of epochs",
        ),
        ("  freeze: none", "  freeze: 0", "train.freeze: 0 is wrong; write none, encoder or a number of ep"),
        ("  threads: machine", "  threads: 0", "train.threads: 0 is wrong; write machine, or a number from 1 to 9"),
        (
            "scale_max: 1.3",
            "scale_max: 0.5",
            "augmentation.strong.scale_min: 0.55 is above scale_max, which is 0.5; lower it",
        ),
        ("crop_width: 1248", "crop_width: 700", "augmentation.strong.crop_width: 700 is wrong; input should be a mult"),
        ("  epochs: recipe", "  epochs: true", "train.epochs: True is wrong; write a number"),
        ("  clip: recipe", "  clip: no", "train.clip: False is wrong; write a number"),
        ("    arch: better_segnet", "    arc: better_segnet", "models.better_segnet.arch is missing; add it"),
    ],
)
def test_single_mistakes(load, old, new, message):
    assert any(line.startswith(message) for line in problems(load, (old, new)))


def test_a_malformed_value_gets_one_line(load):
    assert problems(load, ("  logit_adjustment: recipe", "  logit_adjustment: 2")) == [
        "train.logit_adjustment: 2 is wrong; input should be less than or equal to 1"
    ]


def test_input_sides_must_suit_the_encoders(load):
    changed = yaml.safe_load(GOOD)
    changed["input"]["height"] = 375
    with pytest.raises(UserError, match=r"input\.height: 375 is wrong; input should be a multiple of 32"):
        load(yaml.safe_dump(changed))


@pytest.mark.parametrize("models", ["5", "[]", "x", "{1: {arch: better_segnet}}"])
def test_a_catalogue_of_another_kind(load, models):
    changed = yaml.safe_load(GOOD) | {"models": yaml.safe_load(models)}
    with pytest.raises(UserError, match=r"models.*is wrong; input should be a valid"):
        load(yaml.safe_dump(changed))


def test_files_that_hold_no_parameters(load):
    paths.PARAMS.write_bytes(GOOD.encode() + b"# \xe4\n")
    with pytest.raises(UserError, match=r"is not UTF-8 \(byte \d+\); save it as UTF-8"):
        params.load_params()
    with pytest.raises(UserError, match="nested too deeply"):
        load("[" * 3000 + "]" * 3000)
    with pytest.raises(UserError, match=r"is not valid YAML: month must be in 1\.\.12"):
        load("seed: 2026-13-01")
    paths.PARAMS.unlink()
    paths.PARAMS.mkdir()
    with pytest.raises(UserError, match="is a folder; it must be a YAML file"):
        params.load_params()


def test_a_file_that_is_no_yaml_or_is_not_there(load):
    with pytest.raises(UserError, match="not valid YAML"):
        load("seed: [1")
    with pytest.raises(UserError, match="the file: 3 is wrong"):
        load("3")
    paths.PARAMS.unlink()
    with pytest.raises(UserError, match="is not here; run this from the project's root folder"):
        params.load_params()
