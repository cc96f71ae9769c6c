"""Files to score are found, checked by the rule for labels, and reported a line each."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from roadseg.frames.images import write_image
from roadseg.frames.label_form import TRAIN_IDS
from roadseg.pipeline.errors import UserError
from roadseg.scoring.folders import joint_histogram_of_files, matching_files

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Folders of predictions and of truth with two equal files each."""
    for folder in ("pred", "gt"):
        (tmp_path / folder).mkdir()
        for name in ("a.png", "b.png"):
            write_image(tmp_path / folder / name, GREY)
    return tmp_path / "pred", tmp_path / "gt"


def refusal(folders: tuple[Path, Path]) -> list[str]:
    """Score the folders; give the lines that say why that can't be."""
    with pytest.raises(UserError) as caught:
        joint_histogram_of_files(matching_files(*folders), TRAIN_IDS)
    return str(caught.value).split("\n")


def test_what_desktops_leave_behind_is_passed_over(folders: tuple[Path, Path]) -> None:
    names = [(pred.name, truth.name) for pred, truth in matching_files(*folders)]
    for folder in folders:
        for litter in (".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", ".hidden.png"):
            (folder / litter).write_bytes(b"litter")
    assert [(pred.name, truth.name) for pred, truth in matching_files(*folders)] == names
    assert names == [("a.png", "a.png"), ("b.png", "b.png")]


def test_names_are_the_same_in_either_unicode_form(folders: tuple[Path, Path]) -> None:
    pred, truth = folders
    (pred / "a.png").rename(pred / "\u00e4.PNG")
    (truth / "a.png").rename(truth / "a\u0308.png")
    assert (pred / "\u00e4.PNG", truth / "a\u0308.png") in matching_files(*folders)


def test_folders_that_are_none(folders: tuple[Path, Path]) -> None:
    pred, truth = folders
    os.mkfifo(pred / "pipe")
    for path in (pred / "pipe", pred / "a.png", pred / "none", Path("/dev/zero")):
        assert refusal((path, truth)) == [f"{path} is not a folder; name the one that holds the PNGs"]
    (truth / "round").symlink_to("round")
    assert refusal((pred, truth / "round")) == [f"{truth}/round is a link that leads back to itself; remove it"]


def test_files_out_of_place(folders: tuple[Path, Path]) -> None:
    truth = folders[1]
    (truth / "notes.txt").write_text("x")
    (truth / "old").mkdir()
    words = "is not a PNG; the folder must hold label maps alone"
    assert refusal(folders) == [f"{truth}/notes.txt {words}", f"{truth}/old {words}"]


def test_missing_predictions(folders: tuple[Path, Path]) -> None:
    pred = folders[0]
    (pred / "a.png").unlink()
    assert refusal(folders) == [f"{pred}/a.png is missing (1 of 2 are); predict them too"]


def test_an_empty_folder(folders: tuple[Path, Path]) -> None:
    truth = folders[1]
    for file in truth.iterdir():
        file.unlink()
    assert refusal(folders) == [f"{truth} is empty; there is nothing to score"]


def test_another_size(folders: tuple[Path, Path]) -> None:
    write_image(folders[0] / "b.png", GREY[:2])
    pred, truth = (folder / "b.png" for folder in folders)
    assert refusal(folders) == [f"{pred} is 4x2, but {truth} is 4x3; predict at the label's size"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("which", [0, 1])
def test_files_of_other_kinds(folders: tuple[Path, Path], which: int) -> None:
    """Predictions and truth keep the same rule, and it is that of fetch_data."""
    file = folders[which] / "a.png"
    lines = {}
    for mode in ("1", "P", "RGB", "RGBA", "I;16"):
        Image.new(mode, (4, 3)).save(file)
        lines[mode] = refusal(folders)
    file.unlink()
    os.mkfifo(file)
    lines["pipe"] = refusal(folders)
    assert lines == {
        "1": [f"{file} has 1 bits a pixel; save train ids with 8"],
        "P": [f"{file} is a palette PNG; save train ids as grey values"],
        "RGB": [f"{file} has 3 channels; save train ids as one grey channel"],
        "RGBA": [f"{file} has 4 channels; save train ids as one grey channel"],
        "I;16": [f"{file} has 16 bits a pixel; save train ids with 8"],
        "pipe": [f"{file} is a named pipe, not a file; put a file there, or remove it"],
    }


def test_values_of_all_files_are_reported(folders: tuple[Path, Path]) -> None:
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


def test_values_are_free_where_none_are_given(folders: tuple[Path, Path]) -> None:
    write_image(folders[0] / "a.png", GREY + 100)
    joint = joint_histogram_of_files(matching_files(*folders))
    assert joint[0, 100] == joint[0, 0] == 1


def test_255_is_no_class_in_truth_and_prediction(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        write_image(folder / "a.png", np.where(GREY == 3, 255, GREY).astype(np.uint8))
    assert joint_histogram_of_files(matching_files(*folders), TRAIN_IDS)[255, 255] == 1


@pytest.mark.parametrize("which", [0, 1])
def test_black_and_white_masks(folders: tuple[Path, Path], which: int) -> None:
    for name in ("a.png", "b.png"):
        write_image(folders[which] / name, np.where(GREY > 5, 255, 0).astype(np.uint8))
    (line,) = refusal(folders)
    assert line.startswith(f"{folders[which]}: all labels hold 0 and 255 alone, where 0 means road and 255 unknown; if")
    write_image(folders[which] / "b.png", GREY)
    joint_histogram_of_files(matching_files(*folders), TRAIN_IDS)


def test_one_pair_alone(folders: tuple[Path, Path]) -> None:
    pair, _ = matching_files(*folders)
    assert joint_histogram_of_files([pair], TRAIN_IDS).trace() == GREY.size


def test_masks_are_told_by_the_classes_names(folders: tuple[Path, Path]) -> None:
    for name in ("a.png", "b.png"):
        write_image(folders[0] / name, np.where(GREY > 5, 255, 0).astype(np.uint8))
    with pytest.raises(UserError, match="where 0 means sky and 255 unknown"):
        joint_histogram_of_files(matching_files(*folders), TRAIN_IDS, ["sky", "tree"])
