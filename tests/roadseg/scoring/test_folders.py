"""Files to score are found, checked by the rule for labels, and reported a line each."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from roadseg.frames.classes import ClassSet
from roadseg.frames.images import write_image
from roadseg.pipeline.errors import UserError
from roadseg.scoring.folders import joint_histogram_of_files, matching_files, study_histogram_of_files

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)
MASK = np.where(GREY > 5, 255, 0).astype(np.uint8)


@pytest.fixture
def folders(tmp_path):
    """Folders of predictions and of truth with two equal files each."""
    for folder in ("pred", "gt"):
        (tmp_path / folder).mkdir()
        for name in ("a.png", "b.png"):
            write_image(tmp_path / folder / name, GREY)
    return tmp_path / "pred", tmp_path / "gt"


def refusal(folders):
    """Score the folders; give the lines that say why that can't be."""
    with pytest.raises(UserError) as caught:
        joint_histogram_of_files(matching_files(*folders))
    return str(caught.value).split("\n")


def test_what_desktops_leave_behind_is_passed_over(folders):
    for folder in folders:
        for litter in (".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", ".hidden.png"):
            (folder / litter).write_bytes(b"litter")
    names = [(pred.name, truth.name) for pred, truth in matching_files(*folders)]
    assert names == [("a.png", "a.png"), ("b.png", "b.png")]


def test_names_are_the_same_in_either_unicode_form(folders):
    pred, truth = folders
    (pred / "a.png").rename(pred / "\u00e4.PNG")
    (truth / "a.png").rename(truth / "a\u0308.png")
    assert (pred / "\u00e4.PNG", truth / "a\u0308.png") in matching_files(*folders)


def test_folders_that_are_none(folders):
    pred, truth = folders
    os.mkfifo(pred / "pipe")
    for path in (pred / "pipe", pred / "a.png", pred / "none", Path("/dev/zero")):
        assert refusal((path, truth)) == [f"{path} is not a folder; name the one that holds the PNGs"]
    (truth / "round").symlink_to("round")
    assert refusal((pred, truth / "round")) == [f"{truth}/round is a link that leads back to itself; remove it"]


def test_files_out_of_place_and_missing_ones(folders):
    pred, truth = folders
    (pred / "a.png").unlink()
    assert refusal(folders) == [f"{pred}/a.png is missing (1 of 2 are); predict them too"]
    (truth / "notes.txt").write_text("x")
    (truth / "old").mkdir()
    words = "is not a PNG; the folder must hold label maps alone"
    assert refusal(folders) == [f"{truth}/notes.txt {words}", f"{truth}/old {words}"]
    (pred / "empty").mkdir()
    assert refusal((pred, pred / "empty")) == [f"{pred}/empty is empty; there is nothing to score"]


def test_another_size(folders):
    write_image(folders[0] / "b.png", GREY[:2])
    pred, truth = (folder / "b.png" for folder in folders)
    assert refusal(folders) == [f"{pred} is 4x2, but {truth} is 4x3; predict at the label's size"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("which", [0, 1])
def test_files_of_other_kinds(folders, which):
    """Predictions and truth keep the same rule, and it is that of fetch_data."""
    file = folders[which] / "a.png"
    Image.new("P", (4, 3)).save(file)
    assert refusal(folders) == [f"{file} is a palette PNG; save train ids as grey values"]
    file.unlink()
    os.mkfifo(file)
    assert refusal(folders) == [f"{file} is a named pipe, not a file; put a file there, or remove it"]


def test_values_of_all_files_are_reported(folders):
    pred, truth = folders
    write_image(pred / "a.png", GREY + 10)
    write_image(truth / "a.png", GREY + 20)
    write_image(truth / "b.png", GREY + 8)
    remedy = "save train ids: 0..18, and 255 for pixels without a class"
    assert refusal(folders) == [
        f"{pred}/a.png holds 19, 20, 21; {remedy}",
        f"{truth}/a.png holds 20, 21, 22, 23, 24 and 7 more values; {remedy}",
        f"{truth}/b.png holds 19; {remedy}",
    ]


def test_255_is_no_class_in_truth_and_prediction(folders):
    for folder in folders:
        write_image(folder / "a.png", np.where(GREY == 3, 255, GREY).astype(np.uint8))
    joint = joint_histogram_of_files(matching_files(*folders))
    assert (joint[255, 255], joint[3, 3], joint.trace()) == (1, 1, 2 * GREY.size)


@pytest.mark.parametrize("which", [0, 1])
def test_black_and_white_masks(folders, which):
    for name in ("a.png", "b.png"):
        write_image(folders[which] / name, MASK)
    (line,) = refusal(folders)
    assert line.startswith(f"{folders[which]}: all labels hold 0 and 255 alone, where 0 means road and 255 unknown; if")
    pairs = matching_files(folders[which], folders[which])
    with pytest.raises(UserError, match="where 0 means sky and 255 unknown"):
        joint_histogram_of_files(pairs, ClassSet(("sky", "tree"), ((0, 0, 0), (1, 1, 1))))
    write_image(folders[which] / "b.png", GREY)
    assert joint_histogram_of_files(matching_files(*folders)).sum() == 2 * GREY.size


def test_what_the_study_could_not_score_either(tmp_path):
    Image.new("L", (4, 3)).save(tmp_path / "grey.png")
    Image.new("RGB", (4, 3)).save(tmp_path / "colour.png")
    (tmp_path / "empty.png").write_bytes(b"")
    shapes = r"grey\.png has the shape \(3, 4\), but .*colour\.png \(3, 4, 3\); make them the same"
    for other, message in (("colour", shapes), ("empty", r"empty\.png is not a readable PNG or JPEG")):
        with pytest.raises(UserError, match=message):
            study_histogram_of_files([(tmp_path / "grey.png", tmp_path / f"{other}.png")])
