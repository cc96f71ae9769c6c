"""The report's sentences hold for one thing and for many, and for every source of frames, known or not."""

from typing import get_args

import pytest

from roadseg.frames.classes import CITYSCAPES, ClassSet
from roadseg.pipeline.params import Data, Train
from roadseg.report import narrative
from roadseg.report.sources import data_name, source_of

SOURCES = get_args(Data.model_fields["source"].annotation)
FRAMES = {"train": 100, "val": 10, "test": 50}
ONE = {"train": 1, "val": 1, "test": 1}
SCORE = {"miou": 0.5, "miou_present": 0.6, "pixel_accuracy": 0.7, "fw_iou": 0.65}


def test_sentences_say_what_limits_the_figures():
    message = " ".join(narrative.limitations("kitti", FRAMES, "test", 7, "NVIDIA H200", ["train", "bus"]))
    for fact in (
        "one city",
        "100 training frames and 50 test frames",
        "chosen on the test data",
        "seed 7, on NVIDIA H200",
    ):
        assert fact in message
    assert "No test frame holds train, bus: they count as 0" in message
    assert "No test frame holds" not in " ".join(narrative.limitations("kitti", FRAMES, "val", 7, "cpu", []))
    assert narrative.selection("last", 8, 8, {"train": 100, "val": 0}) == (
        "Trained on 100 frames; of 8 epochs, number 8 was chosen as the last, without looking."
    )
    assert narrative.selection("all", 8, 8, {"train": 100, "val": 10}) == (
        "Trained on 110 frames; of 8 epochs, number 8 was chosen as the last, without looking: no frame was held out."
    )
    assert "110 training frames and 50 test" in " ".join(narrative.limitations("kitti", FRAMES, "all", 7, "cpu", []))
    assert narrative.other_network("a", "a") == ""
    assert narrative.other_network("a", "b").startswith("The cost is that of another network, a ")


def test_without_an_epoch_the_weights_are_somebody_elses():
    own = narrative.selection("val", 0, 0, FRAMES, pretrained="cityscapes")
    assert own == "Not trained on these frames: the weights are those that it started from."
    former = narrative.selection("val", 0, 0, FRAMES, pretrained="exp:a")
    assert former == "Not trained further: the weights are those of a."


def test_of_one_thing_sentences_speak_in_the_singular():
    classes = [{"class": "road", "pixels": 5, "iou": 0.5}, {"class": "car", "pixels": 0, "iou": 0.0}]
    text = " ".join([
        narrative.scores(SCORE, classes, 1, ""),
        *(narrative.selection(select, 1, 1, ONE) for select in ("val", "test", "last")),
        *narrative.limitations("seg_data", ONE, "val", 1, "cpu", ["car"]),
    ])  # fmt: skip
    for part in ("on 1 test frame;", "Trained on 1 frame; of 1 epoch, number 1"):
        assert part in text
    for part in ("of 1 frame held out", "1 training frame and 1 test frame:", "holds car: it counts as 0"):
        assert part in text
    for wrong in ("1 frames", "1 epochs", "1 test frames", "1 training frames"):
        assert wrong not in text


def test_the_weakest_are_of_those_that_occur():
    rows = [{"class": f"c{i}", "iou": 0.1 * i, "pixels": i} for i in (5, 0, 3, 2, 4)]
    assert narrative.weakest(rows) == "The weakest of those that occur: c2 (20.0 %), c3 (30.0 %), c4 (40.0 %)."


@pytest.mark.parametrize("source", [*SOURCES, "camvid"])
@pytest.mark.parametrize("select", [*get_args(Train.model_fields["select"].annotation), "by_luck"])
def test_every_source_and_selection_has_its_sentences(source, select):
    assert narrative.title("net", source) == f"Road-scene segmentation: net on {source_of(source).name}"
    assert len(narrative.limitations(source, FRAMES, select, 1, "cpu", [])) >= 4
    assert narrative.selection(select, 1, 8, FRAMES).endswith(".")


def test_only_kitti_has_kittis_licence_and_every_known_source_its_own():
    licences = {source: source_of(source).licence for source in [*SOURCES, "camvid"]}
    assert len(set(licences.values())) == len(licences)
    assert [source for source, text in licences.items() if "CC BY-NC-SA 3.0" in text] == ["kitti"]
    assert "Apache License 2.0" in licences["synthetic"]
    assert "ask" in licences["seg_data"]
    assert all("no commercial use" in licences[source] for source in ("kitti", "cityscapes", "mapillary"))
    assert "research edition CC BY-NC-SA:" in licences["mapillary"]
    assert "camvid frames" in licences["camvid"]
    assert not any(source_of(source).name == f"{source} frames" for source in SOURCES)


def test_own_frames_of_other_classes_are_other_data():
    """A mIoU over other classes does not compare."""
    assert [data_name("seg_data", classes) for classes in ("cityscapes", "camvid")] == ["seg_data", "seg_data (camvid)"]
    own, other = source_of("seg_data"), source_of("seg_data (camvid)")
    assert other.name == "the user's own frames (camvid)"
    assert (other.licence, other.limit) == (own.licence, own.limit)


def test_training_frames_that_are_tested_on_in_turn_are_other_data_than_the_test_frames():
    names = [data_name("seg_data", "camvid", fold) for fold in ("1/4", "2/4", "none")]
    assert names == ["seg_data (camvid), in folds"] * 2 + ["seg_data (camvid)"]
    assert source_of(names[0]).name == "the user's own frames (camvid), folds of the training ones"
    assert source_of("kitti, in folds").licence == source_of("kitti").licence


def test_the_task_is_that_of_the_classes():
    two = ClassSet(("background", "road"), ((0, 0, 0), (128, 64, 128)))
    assert narrative.task(CITYSCAPES) == narrative.TASK
    assert "one of 19 classes" in narrative.TASK
    assert narrative.task(two) == "The task: give each pixel of a frame one of 2 classes, well and at little cost."
