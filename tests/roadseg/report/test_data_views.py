"""The page's part on the data says what to worry about, and shows frames beside their labels."""

import numpy as np
from conftest import write_picture
from test_embedded import decoded

from roadseg.frames.classes import CITYSCAPES, colorize
from roadseg.report.data_views import data_view, sentence


def survey(*rows, shown=()):
    splits = [{"split": "train", "frames": 20, "labelled": 1.0}, {"split": "test", "frames": 5, "labelled": 1.0}]
    classes = [{"class": name, "shares": [0.1, 0.1], "frames": frames} for name, frames in rows]
    return {"splits": splits, "classes": classes, "sizes": [], "twins": [], "shown": list(shown)}


def test_classes_that_a_split_lacks_or_few_frames_hold_are_named():
    assert sentence(survey(("road", [20, 5]))) == "Each class occurs in each split."
    assert sentence(survey(("road", [20, 5]), ("bus", [3, 0]), ("train", [0, 0]), ("rider", [9, 1]))) == (
        "In no frame of a split: bus (test); train (train, test). In fewer than 10 frames of train: bus (3), rider (9)."
    )


def test_where_all_frames_are_few_no_class_is_told_to_be_rare():
    few = survey(("road", [4, 4]), ("bus", [3, 1]))
    few["splits"][0]["frames"] = 4
    assert sentence(few) == "Each class occurs in each split."


def test_frames_are_shown_beside_their_labels(tmp_path):
    label = np.arange(16, dtype=np.uint8).repeat(4).reshape(8, 8)
    write_picture(tmp_path / "training" / "image" / "a.b.png", np.full((8, 8, 3), 90, np.uint8))
    write_picture(tmp_path / "training" / "label" / "a.b.png", label)
    row = {"split": "val", "frame": "training/image/a.b.png"}
    (shown,) = data_view(survey(shown=[row]), tmp_path, CITYSCAPES)["shown"]
    assert (shown["name"], shown["split"]) == ("training/image/a.b.png", "val")
    assert np.array_equal(decoded(shown["layers"]["label"]), colorize(label))
