"""Each stage on a few small generated frames: what it writes is there, true, and the same the next time."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PARAMS
from safetensors.torch import load_file
from small_project import STAGES, bytes_of, set_params

import class_weights
import flops
import predict
import report
import score
import train
from roadseg.frames.classes import NAMES, colorize
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.stage import run

TRAINED = paths.MODEL, paths.TRAIN, paths.TRAIN_HISTORY, paths.TRAIN_IOU


def splits():
    return json.loads(paths.SPLITS.read_text())


def pixels_of(stems):
    """Pixels of each class in training labels."""
    labels = [cv2.imread(f"data/seg_data/training/label/{stem}.png", cv2.IMREAD_UNCHANGED) for stem in stems]
    return [sum(int((label == k).sum()) for label in labels) for k in range(19)]


@pytest.mark.parametrize(
    ("stage", "gone", "message"),
    [
        ("fetch_data", paths.PARAMS, "params.yaml is not here; run this from the project's root folder"),
        ("look", paths.SPLITS, "data/seg_data has no splits.json; run `dvc repro fetch_data`"),
        ("fetch_pretrained", paths.PARAMS, "params.yaml is not here; run this from the project's root folder"),
        ("class_weights", paths.SPLITS, "data/seg_data/splits.json: No such file or directory"),
        ("train", paths.PRETRAINED, "models/pretrained.safetensors is missing"),
        ("predict", paths.MODEL, "models/model.safetensors is missing"),
        ("score", Path("data/predictions/grey/000006_10.png"), "data/predictions/grey/000006_10.png is missing"),
        ("flops", paths.PARAMS, "params.yaml is not here; run this from the project's root folder"),
        ("report", paths.TRAIN, "metrics/train.json: No such file or directory"),
    ],
)
def test_what_a_stage_lacks_is_one_line_and_exit_code_1(project, stage, gone, message):
    gone.unlink()
    main = {module.__name__: module.main for module in STAGES}[stage]
    with pytest.raises(SystemExit) as ended:
        run(main)
    assert isinstance(ended.value.code, str)  # which is printed to stderr, and means 1
    assert ended.value.code.startswith(f"error: {message}")
    assert "\n" not in ended.value.code


def test_the_look_at_the_data_counts_what_is_there(project):
    survey = json.loads((paths.LOOK / "survey.json").read_text())
    assert {row["split"]: row["frames"] for row in survey["splits"]} == {key: len(x) for key, x in splits().items()}
    assert survey["sizes"] == [{"size": "96x192", "frames": 9}]
    counted = pixels_of(splits()["train"])
    assert [row["shares"][0] for row in survey["classes"]] == pytest.approx([n / sum(counted) for n in counted])
    shown = {(row["split"], Path(row["frame"]).stem) for row in survey["shown"]}
    assert shown == {(split, stem) for split, stems in splits().items() for stem in stems}
    assert (paths.LOOK / "look.html").read_text().count("data:image/webp;base64,") == 2 * 9


def test_class_weights_are_of_the_training_frames_alone(project):
    rows = json.loads(paths.CLASS_WEIGHTS.read_text())
    assert [row["class"] for row in rows] == list(NAMES)
    assert [row["pixels"] for row in rows] == pixels_of(splits()["train"])
    assert sum(row["weight"] for row in rows) == pytest.approx(19)


def test_class_weights_through_the_augmentation_count_the_networks_pixels(project):
    set_params(**{"class_weights.labels": "augmented"})
    class_weights.main()
    assert 0 < sum(row["pixels"] for row in json.loads(paths.CLASS_WEIGHTS.read_text())) <= 4 * 64 * 96


def test_training_writes_a_row_an_epoch_and_the_chosen_weights(project):
    history = pd.read_csv(paths.TRAIN_HISTORY)
    assert history.columns.tolist() == ["epoch", "lr", "loss", "val_loss", "miou"]
    assert history["epoch"].tolist() == [1, 2]
    by_class = pd.read_csv(paths.TRAIN_IOU)
    assert by_class["class"].tolist() == [*NAMES] * 2
    assert by_class.groupby("epoch")["iou"].mean().tolist() == pytest.approx(history["miou"].tolist())
    chosen = json.loads(paths.TRAIN.read_text())
    row = history.loc[history["miou"].idxmax()]
    assert all(chosen[key] == row[key] for key in ("epoch", "loss", "miou"))
    ran = {"epochs": 2, "batch_size": 4, "lr": 0.003, "loss_function": "weighted_ce", "schedule": "poly"}
    assert ran.items() < chosen.items()  # where params.yaml says `recipe`
    assert "thread" in chosen["device"] or torch.cuda.is_available()


def test_a_second_training_is_bit_equal_and_another_seed_trains_otherwise(project):
    first = bytes_of(*TRAINED)
    train.main()
    assert bytes_of(*TRAINED) == first
    set_params(seed=2)
    train.main()
    assert bytes_of(paths.MODEL) != first[:1]


def test_training_on_crops_is_repeatable_and_counts_with_their_size(project, monkeypatch):
    whole = bytes_of(*TRAINED)
    sizes, check = [], train.check_smallest_batch
    monkeypatch.setattr(train, "check_smallest_batch", lambda *given: (sizes.append(given[3:]), check(*given)))
    changes = {"augmentation.strong.crop_height": 64, "augmentation.strong.crop_width": 64, "train.epochs": 1}
    set_params(augment="strong", **changes)
    train.main()
    first = bytes_of(*TRAINED)
    assert first != whole
    train.main()
    assert bytes_of(*TRAINED) == first
    assert sizes == [(64, 64)] * 2


def test_training_starts_from_the_pretrained_tensors(project):
    paths.PRETRAINED.unlink()
    paths.MODEL.rename(paths.PRETRAINED)
    set_params(**{"train.lr": 1e-30, "train.epochs": 1, "train.weight_decay": 0.0})
    train.main()
    before, after = load_file(paths.PRETRAINED), load_file(paths.MODEL)
    assert all(before[name].equal(after[name]) for name in before if name.endswith("weight"))


def test_a_loss_that_is_no_number_is_reported_and_no_weights_are_written(project):
    before = bytes_of(paths.MODEL)
    set_params(**{"train.lr": 1e30, "train.optimizer": "sgd"})
    with pytest.raises(UserError, match=r"became nan at a learning rate of .*, in a batch of 00.*\.jpg, .*; lower"):
        train.main()
    assert bytes_of(paths.MODEL) == before
    assert pd.read_csv(paths.TRAIN_HISTORY)["epoch"].tolist() == [1]  # what came before it can be seen
    assert not list(Path("models").glob(".*new*"))


def test_selection_without_validation_frames_is_reported(project):
    paths.SPLITS.write_text(json.dumps(splits() | {"val": []}))
    with pytest.raises(UserError, match=r"train\.select: val, but the validation set is empty; raise data\.val_fract"):
        train.main()


def test_predictions_are_classes_at_the_labels_sizes_and_their_colours(project):
    grey = sorted(Path("data/predictions/grey").iterdir())
    assert [file.stem for file in grey] == splits()["test"]
    for file in grey:
        classes = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert (classes.shape, classes.dtype) == ((96, 192), np.uint8)
        assert classes.max() < 19
        colours = cv2.imread(str(Path("data/predictions/color") / file.name))[..., ::-1]
        assert np.array_equal(colours, colorize(classes))
    speed = json.loads(paths.PREDICT_TIMES.read_text())
    assert speed["frames_per_second"] > 0
    assert speed["engine"] == "torch"


def test_prediction_score_and_report_are_repeatable(project):
    files = [paths.SCORE, paths.PER_CLASS, paths.CONFUSION, paths.CONFUSION_PICTURE, paths.EFFICIENCY]
    files += sorted(file for place in (paths.PREDICTIONS, paths.REPORT) for file in place.rglob("*.*"))
    first = bytes_of(*files)
    for stage in (predict, score, report):
        stage.main()
    assert bytes_of(*files) == first


def test_the_label_check_covers_all_splits_and_is_repeatable(project):
    set_params(**{"check_labels.improbable": 0.99})  # a network of two epochs is hardly sure of anything
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
    predict.main()
    assert bytes_of(*files) == first


@pytest.mark.parametrize("predicted", ["data/predictions/grey", "data/seg_data/testing/label"])
def test_score_of_two_folders_prints_json_and_writes_nothing(project, capsys, monkeypatch, predicted):
    written, before = json.loads(paths.SCORE.read_text()), bytes_of(paths.SCORE, paths.CONFUSION)
    monkeypatch.setattr(sys, "argv", ["score.py", "--pred", predicted, "--gt", "data/seg_data/testing/label"])
    score.main()
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == ["miou", "miou_present", "pixel_accuracy", "fw_iou"]
    if "grey" in predicted:
        assert printed == written
    else:  # the ground truth itself
        assert printed["miou_present"] == pytest.approx(1)
        assert printed["pixel_accuracy"] == 1
    assert bytes_of(paths.SCORE, paths.CONFUSION) == before


def test_per_class_and_confusion_agree(project):
    per_class = pd.read_csv(paths.PER_CLASS)
    confusion = pd.read_csv(paths.CONFUSION, index_col="truth")
    assert per_class["class"].tolist() == confusion.columns.tolist() == confusion.index.tolist() == list(NAMES)
    assert per_class["pixels"].tolist() == confusion.sum(axis=1).tolist()
    assert per_class["iou"].mean() == pytest.approx(json.loads(paths.SCORE.read_text())["miou"])


def test_cost_is_that_of_the_trained_network(project):
    cost = json.loads(paths.FLOPS.read_text())
    buffers = "running_mean", "running_var", "num_batches_tracked"
    parameters = sum(t.numel() for name, t in load_file(paths.MODEL).items() if not name.endswith(buffers))
    assert cost["network"] == PARAMS["model"]
    assert cost["params_m"] * 1e6 == pytest.approx(parameters)
    assert sum(row["share"] for row in cost["share_by_module"]) == pytest.approx(1)
    assert cost["gflops_ran"] < cost["gflops"]
    assert cost["passes"] == [{"size": "64x96", "times": 1}]


def test_another_networks_cost_can_be_counted_as_the_study_did(project):
    ran = json.loads(paths.FLOPS.read_text())["gflops_ran"]
    set_params(**{"flops.network": "mit_b0_segformer"})
    flops.main()
    cost = json.loads(paths.FLOPS.read_text())
    assert round(cost["gflops"], 2) == 15.45
    assert cost["gflops_ran"] == ran  # what ran is what was trained


def test_report_has_the_headline_and_every_picture_that_it_shows(project):
    figures = json.loads(paths.REPORT_JSON.read_text())
    miou, cost = 100 * json.loads(paths.SCORE.read_text())["miou"], json.loads(paths.FLOPS.read_text())
    efficiency = {"efficiency": miou / cost["gflops"], "efficiency_ran": miou / cost["gflops_ran"]}
    costs = {key: cost[key] for key in ("gflops", "gflops_ran")}
    assert figures == pytest.approx({"miou_percent": miou} | costs | efficiency)
    assert json.loads(paths.EFFICIENCY.read_text()) == pytest.approx(efficiency)
    page = (paths.REPORT / "report.md").read_text()
    assert f"**{figures['miou_percent']:.2f} %**" in page
    pictures = [line.split("](")[1].rstrip(")") for line in page.splitlines() if line.startswith("![")]
    assert len(pictures) >= 6
    assert all(cv2.imread(str(paths.REPORT / picture)) is not None for picture in pictures)
    assert f"{figures['miou_percent']:.2f} %" in paths.SUMMARY.read_text()
