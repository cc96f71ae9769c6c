"""The stage `train`: its loop against steps taken by hand, and fine-tuning on a few small frames."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import torch
from conftest import PARAMS
from safetensors.torch import load_file, save_file
from small_project import copy_project, set_params
from small_training import small_training
from torch import nn

import fetch_pretrained
import train
from roadseg.frames.batches import Batch
from roadseg.frames.classes import NAMES
from roadseg.networks.prediction import normalize
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import Train
from roadseg.training.losses import build_loss

LR = 0.1


def batches():
    """A full batch of two frames and a short one of one."""
    random = torch.Generator().manual_seed(0)
    return [
        Batch(
            torch.randint(0, 256, (n, 4, 6, 3), dtype=torch.uint8, generator=random),
            torch.randint(0, 2, (n, 4, 6), dtype=torch.uint8, generator=random),
            n,
        )
        for n in (2, 1)
    ]


def network():
    torch.manual_seed(1)
    return nn.Conv2d(3, 2, 1)


@pytest.mark.parametrize(("short_batch", "weights"), [("by_frames", (1.0, 0.5)), ("as_full", (1.0, 1.0))])
def test_an_epoch_equals_steps_by_hand(short_batch, weights):
    expected, losses, velocity = network(), [], [0.0, 0.0]
    for batch, weight in zip(batches(), weights, strict=True):
        loss = build_loss("ce", 2)(expected(normalize(batch.images)), batch.labels)
        gradients = torch.autograd.grad(loss, list(expected.parameters()))
        velocity = [0.9 * v + weight * gradient for v, gradient in zip(velocity, gradients, strict=True)]
        for parameter, v in zip(expected.parameters(), velocity, strict=True):
            parameter.data -= LR * v
        losses.append(loss.item())

    training = small_training(network(), lr=LR, short_batch=short_batch)
    row = train.train_epoch(training, batches())

    mean = sum(w * x for w, x in zip(weights, losses, strict=True)) / sum(weights)
    assert row == {"epoch": 1, "lr": LR, "loss": pytest.approx(mean)}
    for p, q in zip(training.network.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6)


@pytest.mark.parametrize(("clip", "length"), [(1e-3, 1e-3), (1e3, None), (0.0, None)])
def test_the_norm_of_the_whole_gradient_is_clipped(clip, length):
    training, batch = small_training(network(), lr=LR, clip=clip), batches()[0]
    before = [parameter.detach().clone() for parameter in training.network.parameters()]
    loss = build_loss("ce", 2)(training.network(normalize(batch.images)), batch.labels)
    gradients = torch.autograd.grad(loss, list(training.network.parameters()))
    whole = torch.cat([gradient.flatten() for gradient in gradients]).norm().item()
    train.train_epoch(training, [batch])
    assert whole > 2e-3
    for p, q, gradient in zip(training.network.parameters(), before, gradients, strict=True):
        assert torch.allclose(p - q, -LR * gradient * (length / whole if length else 1), rtol=1e-3, atol=1e-7)


def test_a_batch_without_a_valid_pixel_leaves_the_weights_as_they_are():
    training = small_training(network())
    blank = [replace(batch, labels=torch.full_like(batch.labels, 255)) for batch in batches()]
    assert train.train_epoch(training, blank)["loss"] == 0
    assert all(p.equal(q) for p, q in zip(training.network.parameters(), network().parameters(), strict=True))


def steps_of(optimizer, weight_decay):
    """The lengths of two steps of lr 0.5 from a weight of 4, down a slope of 1."""
    one = nn.Linear(1, 1, bias=False)
    nn.init.constant_(one.weight, 4.0)
    section = Train.model_construct(optimizer=optimizer, lr=0.5, weight_decay=weight_decay, decay="all", freeze="none")
    built, places = train.build_optimizer(section, one), [4.0]
    for _ in range(2):
        one.weight.grad = torch.ones(1, 1)
        built.step()
        places.append(one.weight.item())
    return [before - after for before, after in pairwise(places)]


def test_steps_of_the_optimizers_by_hand():
    assert steps_of("sgd", 0.0) == pytest.approx([0.5, 0.5 * (0.9 + 1)])
    assert steps_of("sgd", 0.25) == pytest.approx([0.5 * 2, 0.5 * (0.9 * 2 + 1 + 0.25 * 3)])  # as a slope
    assert steps_of("adam", 0.0) == pytest.approx([0.5, 0.5])  # as long as lr, whatever the slope
    assert steps_of("adam", 0.25) == pytest.approx([0.5, 0.5], rel=0.01)
    assert steps_of("adamw", 0.25) == pytest.approx([0.5 + 0.5 * 0.25 * 4, 0.5 + 0.5 * 0.25 * 3])  # beside the step


@pytest.mark.parametrize(("decay", "expected"), [("all", [(0.1, 6)]), ("weights", [(0.1, 2), (0.0, 4)])])
def test_weight_decay_may_leave_biases_and_norms_alone(decay, expected):
    layers = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    section = Train.model_construct(optimizer="adamw", lr=0.1, weight_decay=0.1, decay=decay, freeze="none")
    groups = train.build_optimizer(section, layers).param_groups
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == expected


MIOUS = [0.1, 0.4, 0.2, 0.3]


def four_epochs(monkeypatch, select, epochs=4, **changes):
    """After each of them a weight is 1, 4, 9 and 16, with MIOUS; the mIoU of any other weight is the weight."""
    weight, shown = nn.Linear(1, 1, bias=False), []
    nn.init.zeros_(weight.weight)
    training = small_training(weight, epochs=epochs, select=select, **changes)

    def train_epoch(_, batches):
        assert list(batches) == [training.epoch]
        training.optimizer.step()
        weight.weight.data.fill_(training.epoch**2)
        training.averaged.after_step()
        return {"epoch": training.epoch, "lr": LR, "loss": 10.0 * training.epoch}

    def validated():
        value = weight.weight.item()
        miou = dict(zip((1.0, 4.0, 9.0, 16.0), MIOUS, strict=True)).get(value, value)
        return {"val_loss": 10 * miou, "miou": miou, "iou": [miou, 0.0]}

    monkeypatch.setattr(train, "train_epoch", train_epoch)
    show = lambda: shown.append(list(training.history))  # noqa: E731
    train.run_epochs(training, lambda epoch, _: [epoch], validated, lambda: None, show)
    assert shown == [training.history[:end] for end in range(1, max(epochs, 1) + 1)]
    assert weight.weight.item() == epochs**2
    return training


@pytest.mark.parametrize(("select", "epoch"), [("val", 2), ("test", 2), ("last", 4)])
def test_which_epoch_is_chosen(monkeypatch, select, epoch):
    training = four_epochs(monkeypatch, select)
    assert training.best.weights["weight"].item() == epoch**2
    assert training.chosen_row["miou"] == MIOUS[epoch - 1]
    assert [row["miou"] for row in training.history] == MIOUS
    row = {"epoch": 2, "lr": LR, "loss": 20.0, "val_loss": 4, "miou": 0.4, "iou": [0.4, 0]}
    assert training.history[1] == row
    assert training.early.tensors()["weight"].item() == (1 + 4) / 2  # of epochs 1 and 2 of four


def test_no_epoch_leaves_the_weights(monkeypatch):
    training = four_epochs(monkeypatch, "val", epochs=0, decay=0.5)
    assert training.best.weights["weight"].item() == training.early.tensors()["weight"].item() == 0
    row = {"epoch": 0, "lr": 0.0, "loss": None, "val_loss": 0.0, "miou": 0.0, "iou": [0.0, 0.0]}
    assert training.history == [row] == [training.chosen_row]


def test_the_moving_average_is_what_is_validated_and_kept(monkeypatch):
    training, expected = four_epochs(monkeypatch, "last", decay=0.1, weight_decay=0.0), 0.0
    for value in (1, 4, 9, 16):
        expected = 0.1 * expected + 0.9 * value
    assert training.best.weights["weight"].item() == pytest.approx(expected)
    assert training.chosen_row["miou"] == pytest.approx(expected)


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
