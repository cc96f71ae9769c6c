"""The fine-tuning parts of the stage `train`, on a few small frames and from a network trained on them."""

import json
from pathlib import Path

import pandas as pd
import pytest
from conftest import PARAMS
from safetensors.torch import load_file, save_file
from small_project import copy_project, set_params

import fetch_pretrained
import train
from roadseg.frames.classes import NAMES
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError

FINE_TUNING = {
    "loss": "ce",
    "train.batch_norm": "frozen",
    "train.clip": 1.0,
    "train.ema": 0.9,
    "train.weight_interpolation": 0.25,
    "train.logit_adjustment": 1.0,
    "train.decay": "weights",
    "train.freeze": 1,
}
MODEL = PARAMS["model"]
START, BIAS = Path("start.safetensors"), "segmentation_head.0.bias"
LAST = {"train.select": "last", "train.epochs": 2, "train.lr": 1e-3}


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory):
    """A project's folder whose pretrained weights are those of a short training."""
    with pytest.MonkeyPatch.context() as patch:
        copy_project(finished, folder := tmp_path_factory.mktemp("train") / "project")
        patch.chdir(folder)
        paths.MODEL.rename(START)
        set_params(**LAST, pretrained=f"file:{START}")
        fetch_pretrained.main()
        yield


def trained(**changes):
    set_params(**LAST | {"pretrained": f"file:{START}"} | changes)
    train.main()
    return load_file(paths.MODEL), json.loads(paths.TRAIN.read_text()), pd.read_csv(paths.TRAIN_HISTORY)


def test_a_share_of_one_keeps_the_start(project):
    weights, _, history = trained(**{"train.weight_interpolation": 1.0})
    start = load_file(START)
    assert all(weights[name].equal(start[name]) for name in weights if not name.endswith("num_batches_tracked"))
    assert history["miou"].nunique() == 1


def test_rare_classes_are_raised_in_the_bias_alone(project, capsys):
    plain, _, _ = trained(**{"train.lr": 1e-2})
    raised, _, _ = trained(**{"train.lr": 1e-2, "train.logit_adjustment": 1.0})
    half, _, _ = trained(**{"train.lr": 1e-2, "train.logit_adjustment": 0.5})
    assert [name for name in plain if not plain[name].equal(raised[name])] == [BIAS]
    rise = raised[BIAS] - plain[BIAS]
    assert rise.min() >= 0
    assert (half[BIAS] - plain[BIAS]).allclose(rise / 2, atol=1e-6)
    assert f"raised, at most by {rise.max():.2f} ({NAMES[int(rise.argmax())]})" in capsys.readouterr().out
    assert rise.max() > 0.01


def test_what_started_at_random_has_no_rare_classes_to_keep(project, capsys):
    stored = paths.PRETRAINED.read_bytes()
    save_file({name: tensor for name, tensor in load_file(START).items() if name != BIAS}, paths.PRETRAINED)
    plain, raised = trained()[0], trained(**{"train.logit_adjustment": 1.0})[0]
    paths.PRETRAINED.write_bytes(stored)
    assert all(plain[name].equal(raised[name]) for name in plain)
    assert f"train.logit_adjustment changes nothing: {BIAS} started at random" in capsys.readouterr().out


def test_a_share_of_the_start_beside_what_started_at_random_is_told(project, capsys):
    stored = paths.PRETRAINED.read_bytes()
    save_file({name: tensor for name, tensor in load_file(START).items() if name != BIAS}, paths.PRETRAINED)
    trained(**{"train.weight_interpolation": 0.25})
    paths.PRETRAINED.write_bytes(stored)
    told = "train.weight_interpolation: 0.25 mixes in weights that what starts at random is not trained with"
    assert f"{told} (tensors: 1, first {BIAS}); compare with 0\n" in capsys.readouterr().out
    trained(**{"train.weight_interpolation": 0.25})
    assert "mixes in" not in capsys.readouterr().out


def test_no_epoch_keeps_the_start_as_it_is(project):
    weights, row, history = trained(**{"train.epochs": 0, "train.select": "val", "train.ema": 0.9})
    start = load_file(START)
    assert weights.keys() == start.keys()
    assert all(weights[name].equal(start[name]) for name in start)
    assert history[["epoch", "miou"]].to_numpy().tolist() == [[0, row["miou"]]]
    assert row["miou"] == trained(**{"train.weight_interpolation": 1.0, "train.epochs": 1})[1]["miou"]


def test_a_start_that_lacks_what_is_asked_for_is_refused(project):
    stored = paths.PRETRAINED.read_bytes()
    head = {name: tensor for name, tensor in load_file(START).items() if name.startswith("segmentation_head")}
    save_file(head, paths.PRETRAINED)
    with pytest.raises(UserError, match=r"train\.epochs: 0, but .* start at random, such as encoder\."):
        trained(**{"train.epochs": 0})
    save_file({}, paths.PRETRAINED)
    with pytest.raises(
        UserError, match=r"train\.weight_interpolation: 0\.5, but the training starts from random weights"
    ):
        trained(**{"train.weight_interpolation": 0.5})
    paths.PRETRAINED.write_bytes(stored)


def test_all_frames_can_be_trained_on(project):
    stored = paths.SPLITS.read_text()
    splits = json.loads(stored)
    expected, _, _ = trained(**{"train.select": "all"})
    paths.SPLITS.write_text(json.dumps(splits | {"train": splits["train"] + splits["val"], "val": []}))
    assert len(splits["val"]) == 2
    weights, row, history = trained()
    paths.SPLITS.write_text(stored)
    assert all(weights[name].equal(expected[name]) for name in weights)
    assert row["miou"] is None
    assert history["miou"].isna().all()


def test_all_parts_at_once_are_repeatable_and_leave_the_statistics(project):
    first, row, _ = trained(**FINE_TUNING)
    again, same_row, _ = trained(**FINE_TUNING)
    start = load_file(START)
    assert row == same_row
    assert all(first[name].equal(again[name]) for name in first)
    statistics = [name for name in first if name.endswith(("running_mean", "running_var"))]
    assert statistics
    assert all(first[name].allclose(start[name], rtol=1e-6, atol=0) for name in statistics)
    name = "encoder.model.layer1.0.conv1.weight"
    assert not first[name].equal(start[name])


def test_the_lovasz_term_trains(project):
    weights, row, _ = trained(loss="ce_lovasz", **{"train.epochs": 1})
    assert row["loss"] > 0
    assert all(tensor.isfinite().all() for tensor in weights.values())
