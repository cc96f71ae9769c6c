"""The report's sentences hold for one thing and for many, and for every source of frames, known or not."""

from dataclasses import replace
from typing import get_args

import pytest
from report_facts import SCORE, TRAINING

from roadseg.pipeline.params import Data, Train
from roadseg.report import narrative
from roadseg.report.sources import data_name, source_of

SOURCES = get_args(Data.model_fields["source"].annotation)


def train(**changes):
    """The settings of a training that differs from the plainest one by `changes`."""
    plain = {"ema": 0.0, "weight_interpolation": 0.0, "logit_adjustment": 0.0}
    return Train.model_construct(
        **plain | {"batch_norm": "train", "clip": 0.0, "freeze": "none", "decay": "all"} | changes
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "those of epoch 3, the best by mIoU on the validation set of 10 frames."),
        ({"select": "test"}, "epoch 3, the best by mIoU on the test set itself, which flatters the figures above."),
        ({"select": "last"}, "Trained on 100 frames for 8 epochs; the weights are those of the last epoch."),
        ({"epochs": 1, "frames": {"train": 1, "val": 1}}, "Trained on 1 frame for 1 epoch; the weights are"),
        ({"select": "all"}, "Trained on 110 frames for 8 epochs; the weights are those of the last epoch; no frame"),
        ({"epochs": 0}, "Not trained on these frames: the weights are its pretrained ones."),
        ({"epochs": 0, "pretrained": "exp:a"}, "Not trained on these frames: the weights are those of a."),
        ({"fold": "1/4"}, " The tested frames are fold 1/4 of the training frames."),
    ],
)
def test_it_is_said_what_was_trained_and_whose_weights_are_kept(changes, expected):
    assert expected in narrative.selection(replace(TRAINING, **changes))


def test_limitations_are_those_of_the_run():
    run = replace(TRAINING, source="kitti", select="test", frames={"train": 1, "val": 10, "test": 1})
    text = " ".join(narrative.limitations(run, ["train", "bus"]))
    for fact in ("one city", "1 training frame and 1 test frame:", "on the test set itself", "seed 7, on NVIDIA H200"):
        assert fact in text
    assert "No test frame holds train, bus: they count as 0" in text
    assert "No test frame holds bus: it counts as 0" in " ".join(narrative.limitations(run, ["bus"]))
    plain = " ".join(narrative.limitations(replace(run, select="all"), []))
    assert "11 training frames" in plain
    assert "No test frame holds" not in plain


def test_weights_and_fine_tuning_name_what_is_not_plain():
    assert (narrative.weights(train()), narrative.fine_tuning(train())) == ("one epoch's", "all weights alike")
    mixed = train(ema=0.98, weight_interpolation=0.25, logit_adjustment=1.0)
    expected = "exponential moving average, decay 0.98, 25 % of the pretrained ones (WiSE-FT), logit adjustment of 1"
    assert narrative.weights(mixed) == expected
    tuned = train(batch_norm="frozen", clip=1.0, freeze="5", decay="weights")
    expected = "gradients clipped at 1, encoder frozen for 5 epochs, weight decay on weights alone"
    assert narrative.fine_tuning(tuned) == f"batch norm statistics frozen, {expected}"


def test_the_weakest_are_of_those_that_occur():
    rows = [{"class": f"c{i}", "iou": 0.1 * i, "pixels": i} for i in (5, 0, 3, 2, 4)]
    assert narrative.weakest(rows) == "The weakest of those that occur: c2 (20.0 %), c3 (30.0 %), c4 (40.0 %)."
    assert "over all 5 classes on 1 test frame;" in narrative.scores(SCORE, rows, 1, "")


def test_the_cost_of_another_network_is_no_cost_of_this_one():
    assert narrative.other_network("a", "a") == ""
    assert narrative.other_network("a", "b").startswith("The cost is that of another network, a ")


RARE = "In no frame of a split: bus (test). In fewer than 10 frames of train: bus (3), rider (9)."


@pytest.mark.parametrize(
    ("frames", "rows", "expected"),
    [
        (20, {"road": [20, 5]}, "Each class occurs in each split."),
        (20, {"road": [20, 5], "bus": [3, 0], "rider": [9, 1]}, RARE),
        (4, {"road": [4, 4], "bus": [3, 1]}, "Each class occurs in each split."),
    ],
)
def test_classes_that_a_split_lacks_or_few_frames_hold_are_named(frames, rows, expected):
    splits = [{"split": "train", "frames": frames}, {"split": "test", "frames": 5}]
    classes = [{"class": name, "frames": found} for name, found in rows.items()]
    assert narrative.scarce_classes({"splits": splits, "classes": classes}) == expected


def test_every_source_has_its_name_its_limit_and_its_licence():
    known = [source_of(source) for source in SOURCES]
    for texts in zip(*((one.name, one.limit, one.licence) for one in [*known, source_of("camvid")]), strict=True):
        assert len(set(texts)) == len(SOURCES) + 1
    licences = {source: source_of(source).licence for source in SOURCES}
    assert [source for source, text in licences.items() if "CC BY-NC-SA 3.0" in text] == ["kitti"]
    assert "Apache License 2.0" in licences["synthetic"]
    assert "ask" in licences["seg_data"]
    assert all("no commercial use" in licences[source] for source in ("kitti", "cityscapes", "mapillary"))
    assert "camvid frames" in source_of("camvid").licence


def test_frames_of_other_classes_or_in_folds_are_other_data():
    """A mIoU over other classes, or over frames that are tested on in turn, does not compare."""
    names = [data_name("seg_data", classes, fold) for classes in ("cityscapes", "camvid") for fold in ("none", "1/4")]
    assert names == ["seg_data", "seg_data, in folds", "seg_data (camvid)", "seg_data (camvid), in folds"]
    assert source_of(names[3]).name == "the user's own frames (camvid), folds of the training ones"
    assert source_of(names[3]).licence == source_of("seg_data").licence
