"""Each stage on a few small generated frames: what it writes is there, true, and the same the next time."""

import json
import shutil
import sys
from pathlib import Path

import conftest
import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PARAMS, ROOT
from safetensors.torch import load_file

import class_weights
import fetch_data
import fetch_pretrained
import flops
import look
import predict
import report
import score
import train
from roadseg.frames.classes import NAMES, colorize
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.training import parts

HISTORY = (paths.TRAIN_HISTORY, paths.TRAIN_IOU, paths.TRAIN_TIMES)
SMALL = {
    "data.synthetic": {"train_frames": 6, "test_frames": 3, "height": 96, "width": 192, "seed": 5},
    "data.val_fraction": 0.34,
    "input": {"height": 64, "width": 96, "resize": "area"},
    "train.epochs": 2,
    "augment": "study",
    "loss": "weighted_ce",
    "report.pictures": 2,
}


def write_params(**changes):
    params = json.loads(json.dumps(PARAMS))
    for key, value in (SMALL | changes).items():
        *sections, last = key.split(".")
        target = params
        for section in sections:
            target = target[section]
        target[last] = value
    conftest.write_params(params)


def run_all():
    for stage in (
        fetch_data,
        look,
        fetch_pretrained,
        class_weights,
        train,
        predict,
        score,
        flops,
        report,
    ):
        stage.main()


def bytes_of(*files):
    return [file.read_bytes() for file in files]


def start_project(folder, patch):
    """Make `folder` a project's root, with the parameters and what is in git that stages read."""
    patch.chdir(folder)
    patch.setattr(sys, "argv", ["score.py"])
    write_params()
    paths.ABLATION.parent.mkdir()
    for ending in (".csv", ".png"):
        shutil.copy(ROOT / paths.ABLATION.with_suffix(ending), paths.ABLATION.with_suffix(ending))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which all stages have run once."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        start_project(folder, patch)
        run_all()
    return folder


@pytest.fixture
def in_project(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["score.py"])
    yield project
    write_params()


def test_the_look_at_the_data_counts_what_is_there(in_project):
    survey = json.loads((paths.LOOK / "survey.json").read_text())
    splits = json.loads(paths.SPLITS.read_text())
    assert [(row["split"], row["frames"]) for row in survey["splits"]] == [
        (split, len(splits[split])) for split in ("train", "val", "test")
    ]
    assert survey["sizes"] == [{"size": "96x192", "frames": 9}]
    labels = [cv2.imread(f"data/seg_data/training/label/{stem}.png", -1) for stem in splits["train"]]
    counted = [sum(int((label == k).sum()) for label in labels) for k in range(19)]
    assert [row["shares"][0] for row in survey["classes"]] == pytest.approx([n / sum(counted) for n in counted])
    assert len(survey["shown"]) == 9
    shown = {(row["split"], Path(row["frame"]).stem) for row in survey["shown"]}
    assert shown == {(split, stem) for split in ("train", "val", "test") for stem in splits[split]}
    assert all((paths.SEG_DATA / row["frame"]).exists() for row in survey["shown"])
    page = (paths.LOOK / "look.html").read_text()
    assert page.count("data:image/webp;base64,") == 2 * 9
    assert all(f"{row['frame']}</bdi> (<bdi>{row['split']}</bdi>)" in page for row in survey["shown"])


def test_class_weights_are_of_the_training_frames_alone(in_project):
    stems = json.loads(paths.SPLITS.read_text())["train"]
    labels = [cv2.imread(f"data/seg_data/training/label/{stem}.png", -1) for stem in stems]
    counts = [sum(int((label == k).sum()) for label in labels) for k in range(19)]
    rows = json.loads(paths.CLASS_WEIGHTS.read_text())
    assert [row["class"] for row in rows] == list(NAMES)
    assert [row["pixels"] for row in rows] == counts
    assert sum(row["weight"] for row in rows) == pytest.approx(19)


def test_class_weights_through_the_augmentation_differ(in_project):
    stored = paths.CLASS_WEIGHTS.read_bytes()
    write_params(**{"class_weights.labels": "augmented"})
    class_weights.main()
    rows = json.loads(paths.CLASS_WEIGHTS.read_text())
    assert 0 < sum(row["pixels"] for row in rows) <= 4 * 64 * 96
    paths.CLASS_WEIGHTS.write_bytes(stored)


def test_training_writes_a_row_an_epoch_and_the_chosen_weights(in_project):
    history = pd.read_csv(paths.TRAIN_HISTORY)
    assert history.columns.tolist() == ["epoch", "lr", "loss", "val_loss", "miou"]
    assert history["epoch"].tolist() == [1, 2]
    assert history["miou"].between(0, 1).all()
    by_class = pd.read_csv(paths.TRAIN_IOU)
    assert by_class["class"].tolist() == [*NAMES] * 2
    assert by_class.groupby("epoch")["iou"].mean().tolist() == pytest.approx(history["miou"].tolist())
    chosen = json.loads(paths.TRAIN.read_text())
    assert chosen["miou"] == history["miou"].max()
    row = history.loc[history["epoch"] == chosen["epoch"]].iloc[0]
    assert chosen == {key: row[key] for key in ("epoch", "loss", "miou")} | {"device": chosen["device"]}
    assert "thread" in chosen["device"] or torch.cuda.is_available()


def test_a_second_training_is_bit_equal(in_project):
    files = paths.MODEL, paths.TRAIN, paths.TRAIN_HISTORY, paths.TRAIN_IOU
    first = bytes_of(*files)
    train.main()
    assert bytes_of(*files) == first


def test_training_on_crops_is_repeatable_and_counts_with_their_size(in_project, monkeypatch):
    stored = bytes_of(paths.MODEL, paths.TRAIN, *HISTORY)
    sizes, check = [], parts.check_smallest_batch
    monkeypatch.setattr(parts, "check_smallest_batch", lambda *given: (sizes.append(given[3:]), check(*given)))
    changes = {"augmentation.strong.crop_height": 64, "augmentation.strong.crop_width": 64, "train.epochs": 1}
    write_params(augment="strong", **changes)
    train.main()
    first = bytes_of(paths.MODEL, paths.TRAIN, paths.TRAIN_HISTORY)
    assert first != stored[:3]
    train.main()
    assert bytes_of(paths.MODEL, paths.TRAIN, paths.TRAIN_HISTORY) == first
    assert sizes == [(64, 64)] * 2
    for file, content in zip((paths.MODEL, paths.TRAIN, *HISTORY), stored, strict=True):
        file.write_bytes(content)


def test_another_seed_trains_otherwise(in_project):
    first = bytes_of(paths.MODEL, paths.TRAIN, *HISTORY)
    write_params(seed=2)
    train.main()
    assert paths.MODEL.read_bytes() != first[0]
    for file, content in zip((paths.MODEL, paths.TRAIN, *HISTORY), first, strict=True):
        file.write_bytes(content)


def test_training_starts_from_the_pretrained_tensors(in_project):
    stored = bytes_of(paths.PRETRAINED, paths.MODEL, paths.TRAIN, *HISTORY)
    paths.PRETRAINED.write_bytes(paths.MODEL.read_bytes())
    write_params(**{"train.lr": 1e-30, "train.epochs": 1, "train.weight_decay": 0.0})
    train.main()
    before, after = load_file(paths.PRETRAINED), load_file(paths.MODEL)
    parameters = [name for name in before if name.endswith("weight")]
    assert all(before[name].equal(after[name]) for name in parameters)
    files = paths.PRETRAINED, paths.MODEL, paths.TRAIN, *HISTORY
    for file, content in zip(files, stored, strict=True):
        file.write_bytes(content)


def test_a_loss_that_is_no_number_is_reported_and_no_weights_are_written(in_project):
    files = paths.MODEL, paths.TRAIN, *HISTORY
    stored = bytes_of(*files)
    write_params(**{"train.lr": 1e30, "train.optimizer": "sgd"})
    with pytest.raises(UserError, match=r"became nan at a learning rate of .*, in a batch of 00.*\.jpg, .*; lower"):
        train.main()
    assert paths.MODEL.read_bytes() == stored[0]
    assert pd.read_csv(paths.TRAIN_HISTORY)["epoch"].tolist() == [1]  # what came before it can be seen
    assert not list(Path("models").glob(".*new*"))
    for file, content in zip(files, stored, strict=True):
        file.write_bytes(content)


def test_selection_without_held_out_frames_is_reported(in_project):
    splits = json.loads(paths.SPLITS.read_text())
    stored = paths.SPLITS.read_text()
    paths.SPLITS.write_text(json.dumps(splits | {"val": []}))
    with pytest.raises(UserError, match=r"train\.select: val, but no frame is held out for it; raise data\.val_fract"):
        train.main()
    paths.SPLITS.write_text(stored)


def test_predictions_are_classes_at_the_labels_sizes_and_their_colours(in_project):
    stems = json.loads(paths.SPLITS.read_text())["test"]
    grey = sorted(Path("data/predictions/grey").iterdir())
    assert [file.stem for file in grey] == stems
    for file in grey:
        classes = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert (classes.shape, classes.dtype) == ((96, 192), np.uint8)
        assert classes.max() < 19
        colours = cv2.imread(str(Path("data/predictions/color") / file.name))[..., ::-1]
        assert np.array_equal(colours, colorize(classes))
    speed = json.loads(paths.PREDICT_TIMES.read_text())
    assert speed["frames_per_second"] > 0
    assert "thread" in speed["hardware"] or torch.cuda.is_available()
    assert speed["engine"] == "torch"


def test_prediction_and_score_are_repeatable(in_project):
    files = [paths.SCORE, paths.PER_CLASS, paths.CONFUSION, paths.CONFUSION_PICTURE]
    files += sorted(paths.PREDICTIONS.glob("*/*.png"))
    first = bytes_of(*files)
    predict.main()
    score.main()
    assert bytes_of(*files) == first


def test_the_label_check_covers_all_splits_and_is_repeatable(in_project):
    write_params(**{"check_labels.improbable": 0.99})  # a network of two epochs is hardly sure of anything
    predict.main()
    regions = pd.read_csv(paths.LABEL_CHECK / "regions.csv")
    assert set(regions["split"]) == {"train", "val", "test"}
    assert regions["suspicion"].is_monotonic_decreasing
    assert (regions["label"] != regions["predicted"]).all()
    for row in regions.itertuples():
        assert (paths.SEG_DATA / row.image).exists()
        assert 0 <= row.left < row.right <= 192
        assert 0 <= row.top < row.bottom <= 96
    maps = sorted(path.name for path in (paths.LABEL_CHECK / "classes").iterdir())
    assert maps == sorted(set(regions["classes"][: PARAMS["check_labels"]["shown"]]))
    files = sorted(file for file in paths.LABEL_CHECK.rglob("*") if file.is_file())
    first = bytes_of(*files)
    report.main()
    assert "Frames with such places" in (paths.REPORT / "report.html").read_text()
    predict.main()
    assert bytes_of(*files) == first


def test_score_of_two_folders_prints_the_same_json(in_project, capsys, monkeypatch):
    written = json.loads(paths.SCORE.read_text())
    assert list(written) == ["miou", "miou_present", "pixel_accuracy", "fw_iou"]
    before = bytes_of(paths.SCORE, paths.CONFUSION)
    folders = ["--pred", "data/predictions/grey", "--gt", "data/seg_data/testing/label"]
    monkeypatch.setattr(sys, "argv", ["score.py", *folders])
    score.main()
    assert json.loads(capsys.readouterr().out) == written
    assert bytes_of(paths.SCORE, paths.CONFUSION) == before


def test_a_perfect_prediction_scores_one_for_each_class_that_occurs(in_project, capsys, monkeypatch):
    labels = "data/seg_data/testing/label"
    monkeypatch.setattr(sys, "argv", ["score.py", "--pred", labels, "--gt", labels])
    score.main()
    printed = json.loads(capsys.readouterr().out)
    assert printed["miou_present"] == pytest.approx(1)
    assert printed["pixel_accuracy"] == 1


def test_per_class_and_confusion_agree(in_project):
    per_class = pd.read_csv(paths.PER_CLASS)
    confusion = pd.read_csv(paths.CONFUSION, index_col="truth")
    assert per_class["class"].tolist() == confusion.columns.tolist() == confusion.index.tolist() == list(NAMES)
    assert per_class["pixels"].tolist() == confusion.sum(axis=1).tolist()
    assert per_class["iou"].mean() == pytest.approx(json.loads(paths.SCORE.read_text())["miou"])


def test_cost_is_that_of_the_trained_network(in_project):
    cost = json.loads(paths.FLOPS.read_text())
    parameters = sum(t.numel() for name, t in load_file(paths.MODEL).items() if not is_buffer(name))
    assert cost["network"] == PARAMS["model"]
    assert cost["params_m"] * 1e6 == pytest.approx(parameters)
    assert sum(row["share"] for row in cost["share_by_module"]) == pytest.approx(1)
    assert cost["gflops_ran"] < cost["gflops"]
    assert cost["passes"] == [{"size": "64x96", "times": 1}]


def is_buffer(name):
    return name.endswith(("running_mean", "running_var", "num_batches_tracked"))


def test_another_networks_cost_can_be_counted_as_the_study_did(in_project):
    stored = paths.FLOPS.read_bytes()
    write_params(**{"flops.network": "mit_b0_segformer"})
    flops.main()
    cost = json.loads(paths.FLOPS.read_text())
    assert round(cost["gflops"], 2) == 15.45
    assert cost["gflops_ran"] == json.loads(stored)["gflops_ran"]  # what ran is what was trained
    report.main()
    page = (paths.REPORT / "report.md").read_text()
    assert "The cost is that of another network, mit_b0_segformer" in page
    paths.FLOPS.write_bytes(stored)
    write_params()
    report.main()


def test_report_has_the_figures_and_every_picture_that_it_shows(in_project):
    figures = json.loads(paths.REPORT_JSON.read_text())
    miou, cost = 100 * json.loads(paths.SCORE.read_text())["miou"], json.loads(paths.FLOPS.read_text())
    efficiency = {"efficiency": miou / cost["gflops"], "efficiency_ran": miou / cost["gflops_ran"]}
    costs = {key: cost[key] for key in ("gflops", "gflops_ran")}
    assert figures == pytest.approx({"miou_percent": miou} | costs | efficiency)
    assert json.loads(paths.EFFICIENCY.read_text()) == pytest.approx(efficiency)
    page = (paths.REPORT / "report.md").read_text()
    assert f"**{figures['miou_percent']:.2f} %**" in page
    pictures = [line.split("](")[1].rstrip(")") for line in page.splitlines() if line.startswith("![")]
    assert len(pictures) == 6
    assert all(cv2.imread(str(paths.REPORT / picture)) is not None for picture in pictures)
    assert paths.SUMMARY.read_text().startswith(f"mIoU        {figures['miou_percent']:.2f} %")


def test_a_second_report_is_bit_equal(in_project):
    files = sorted(file for file in paths.REPORT.rglob("*") if file.is_file())
    first = bytes_of(*files)
    report.main()
    assert sorted(file for file in paths.REPORT.rglob("*") if file.is_file()) == files
    assert bytes_of(*files) == first
