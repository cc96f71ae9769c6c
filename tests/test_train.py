"""The fine-tuning parts of the stage `train`, on a few small frames and from a network trained on them."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import write_picture
from safetensors.torch import load_file, save_file
from test_stages import PARAMS, write_params

import class_weights
import fetch_data
import fetch_pretrained
import train
from roadseg.frames.classes import NAMES
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError

FINE_TUNING = {
    "loss": "ce",
    "label_smoothing": 0.1,
    "train.batch_norm": "frozen",
    "train.clip": 1.0,
    "train.ema": 0.9,
    "train.weight_interpolation": 0.25,
    "train.average_last": 2,
    "train.members": 2,
    "train.l2_sp": 0.01,
    "train.keep_logits": 0.1,
    "train.logit_adjustment": 1.0,
    "train.aux": 0.4,
    "train.head_lr": 2.0,
    "train.layer_decay": 0.7,
    "train.decay": "weights",
    "train.freeze": 1,
}
MODEL = PARAMS["model"]
START, BIAS = Path("start.safetensors"), "segmentation_head.0.bias"
LAST = {"train.select": "last", "train.epochs": 2, "train.lr": 1e-3}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project's folder whose pretrained weights are those of a short training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("project"))
        write_params(**LAST)
        for stage in (fetch_data, fetch_pretrained, class_weights, train):
            stage.main()
        paths.MODEL.replace(START)
        write_params(**LAST, pretrained=f"file:{START}")
        fetch_pretrained.main()
        yield


def trained(**changes):
    write_params(**LAST | {"pretrained": f"file:{START}"} | changes)
    train.main()
    return load_file(paths.MODEL), json.loads(paths.TRAIN.read_text()), pd.read_csv(paths.TRAIN_HISTORY)


def test_two_members_are_the_mean_of_two_trainings(project):
    (one, row_1, history_1), (two, row_2, history_2) = (trained(seed=seed) for seed in (7, 8))
    both, row, history = trained(seed=7, **{"train.members": 2})
    assert not one["segmentation_head.0.weight"].equal(two["segmentation_head.0.weight"])
    for name, tensor in both.items():
        if tensor.is_floating_point():
            assert tensor.equal(((one[name].double() + two[name].double()) / 2).float()), name
    assert row["members"] == [row_1["miou"], row_2["miou"]]
    assert row["miou"] not in row["members"]
    assert history["epoch"].tolist() == [1, 2]
    assert history["loss"].tolist() == pytest.approx(((history_1["loss"] + history_2["loss"]) / 2).tolist())


def test_the_mean_of_the_last_epochs_is_scored_itself(project):
    mean, row, history = trained(**{"train.average_last": 2})
    last, _, _ = trained()
    assert not any(mean[name].equal(last[name]) for name in mean if name.endswith("conv1.weight"))
    assert row["epoch"] == 2
    assert row["miou"] not in history["miou"].tolist()


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


def test_a_share_of_the_start_beside_what_started_at_random_is_told_once(project, capsys):
    stored = paths.PRETRAINED.read_bytes()
    save_file({name: tensor for name, tensor in load_file(START).items() if name != BIAS}, paths.PRETRAINED)
    trained(**{"train.weight_interpolation": 0.25, "train.members": 2})
    paths.PRETRAINED.write_bytes(stored)
    told = "train.weight_interpolation: 0.25 mixes in weights that what starts at random is not trained with (tensors: 1, first "
    assert capsys.readouterr().out.count(f"{told}{BIAS}); compare with 0\n") == 1
    trained(**{"train.weight_interpolation": 0.25})
    assert "mixes in" not in capsys.readouterr().out


def test_no_epoch_keeps_the_start_as_it_is(project):
    weights, row, history = trained(**{"train.epochs": 0, "train.select": "val", "train.members": 3, "train.ema": 0.9})
    start = load_file(START)
    assert weights.keys() == start.keys()
    assert all(weights[name].equal(start[name]) for name in start)
    assert history[["epoch", "miou"]].to_numpy().tolist() == [[0, row["miou"]]]
    assert row["miou"] == trained(**{"train.weight_interpolation": 1.0, "train.epochs": 1})[1]["miou"]


def test_a_start_that_lacks_what_is_asked_for_is_refused(project):
    stored = paths.PRETRAINED.read_bytes()
    head = {name: tensor for name, tensor in load_file(START).items() if name.startswith("segmentation_head")}
    save_file(head, paths.PRETRAINED)
    for key, value in (("members", 2), ("keep_logits", 0.5), ("epochs", 0)):
        with pytest.raises(UserError, match=rf"train\.{key}: {value}, but .* start at random, such as encoder\."):
            trained(**{f"train.{key}": value})
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


TAUGHT = {"distill": {"teacher": f"file:{START}", "model": MODEL, "weight": 2.0, "labels": "soft", "confidence": 0.1}}


def test_a_teacher_pulls_and_none_leaves_all_as_it_is(project):
    alone, row, _ = trained()
    unmoved, same_row, _ = trained(**{"distill.weight": 5.0})
    assert row == same_row
    assert all(alone[name].equal(unmoved[name]) for name in alone)
    by_labels = {}
    for labels in ("soft", "hard"):
        write_params(**LAST, **TAUGHT)
        fetch_pretrained.main()
        by_labels[labels], taught_row, _ = trained(**TAUGHT | {"distill.labels": labels})
        assert taught_row["loss"] > row["loss"]
    name = "segmentation_head.0.weight"
    assert not by_labels["soft"][name].equal(by_labels["hard"][name])
    write_params(**LAST, pretrained=f"file:{START}")
    fetch_pretrained.main()


@pytest.mark.parametrize("loss", ["ce", "ce_dice", "ohem", "ce_lovasz", "focal"])
def test_from_frames_without_labels_the_teacher_alone_is_learnt_from(project, loss):
    stored = paths.SPLITS.read_text()
    part = paths.SEG_DATA / "also" / "unlabelled"
    for kind in ("image", "label"):
        (part / kind).mkdir(parents=True, exist_ok=True)
    splits = json.loads(stored)
    for stem in splits["test"]:
        shutil.copy(paths.SEG_DATA / "testing" / "image" / f"{stem}.jpg", part / "image")
        write_picture(part / "label" / f"{stem}.png", np.full((96, 192), 255, np.uint8))
    paths.SPLITS.write_text(json.dumps(splits | {"also": {"unlabelled": splits["test"]}}))
    unlabelled = {"data.unlabelled": {"source": "images", "path": "x", "share": 0.9}}
    write_params(**LAST, **TAUGHT, **unlabelled)
    fetch_pretrained.main()
    weights, row, _ = trained(**TAUGHT | unlabelled, loss=loss, **{"train.batch_size": 2, "train.epochs": 1})
    paths.SPLITS.write_text(stored)
    write_params(**LAST, pretrained=f"file:{START}")
    fetch_pretrained.main()
    assert 0 < row["loss"] < 10
    assert all(tensor.isfinite().all() for tensor in weights.values())


@pytest.mark.parametrize("loss", ["ohem", "ce_lovasz", "focal"])
def test_the_further_losses_train(project, loss):
    weights, row, _ = trained(loss=loss, **{"train.epochs": 1})
    assert row["loss"] > 0
    assert all(tensor.isfinite().all() for tensor in weights.values())
