"""Frames are found by their split, whatever their pictures' ending, and a missing one is named."""

import pytest
from conftest import write_seg_data

from roadseg.frames.files import FrameFiles, files_by_split, split_files
from roadseg.pipeline.errors import UserError

SPLITS = {
    "train": ["000002_10", "000000_10"],
    "val": ["000003_10"],
    "test": ["000004_10"],
}


@pytest.fixture
def folder(tmp_path):
    write_seg_data(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("split", "part"), [("train", "training"), ("val", "training"), ("test", "testing")])
def test_of_a_split(folder, split, part):
    (folder / "training/image/000000_10.png").rename(folder / "training/image/000000_10.jpg")
    endings = {"000000_10": "jpg"}
    assert split_files(folder, SPLITS, split) == [
        FrameFiles(
            folder / part / "image" / f"{stem}.{endings.get(stem, 'png')}", folder / part / "label" / f"{stem}.png"
        )
        for stem in SPLITS[split]
    ]


def test_of_all_splits_that_have_frames(folder):
    assert files_by_split(folder, SPLITS | {"val": []}) == {
        "train": split_files(folder, SPLITS, "train"),
        "test": split_files(folder, SPLITS, "test"),
    }


def test_a_missing_picture(folder):
    (folder / "training/image/000000_10.png").unlink()
    with pytest.raises(UserError) as caught:
        split_files(folder, SPLITS, "train")
    assert str(caught.value) == f"{folder}/training/image has no picture 000000_10; run `dvc repro fetch_data`"
