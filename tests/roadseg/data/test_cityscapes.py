"""Cityscapes trees: what is taken, where it goes, and a line for each that is not as it should be."""

import cv2
import numpy as np
import pytest
from conftest import write_picture

from roadseg.data import cityscapes, seg_data
from roadseg.pipeline.errors import UserError

FRAMES = {"train": ("aachen/aachen_000000_000019", "ulm/ulm_000003_000019"), "val": ("lindau/lindau_000001_000019",)}
# label ids of the public table, one a column:
# road, sidewalk, car, bicycle, ego vehicle, parking, trailer, licence plate
IDS, TRAIN_IDS = [7, 8, 26, 33, 1, 9, 30, 255], [0, 1, 13, 18, 255, 255, 255, 255]


@pytest.fixture
def layout(tmp_path):
    seg_data.make_layout(tmp_path / "layout")
    return tmp_path / "layout"


@pytest.fixture
def tree(tmp_path):
    """A small tree as it is unpacked, with the files that are not used."""
    rng = np.random.default_rng(0)
    for split, frames in FRAMES.items():
        for frame in frames:
            write_frame(tmp_path / "city", split, frame, rng)
            for other in ("color.png", "instanceIds.png", "polygons.json"):
                (tmp_path / "city" / "gtFine" / split / f"{frame}_gtFine_{other}").write_bytes(b"not used")
    return tmp_path / "city"


def write_frame(top, split, frame, rng, ids=IDS):
    write_picture(top / f"leftImg8bit/{split}/{frame}_leftImg8bit.png", rng.integers(0, 256, (8, 8, 3), np.uint8))
    label = np.array([ids], np.uint8).repeat(8, axis=0)
    write_picture(top / f"gtFine/{split}/{frame}_gtFine_labelIds.png", label)


def test_train_is_for_training_and_val_for_testing(tree, layout):
    assert cityscapes.import_frames(tree, layout) == []
    assert seg_data.stems(layout, "training") == ["aachen_000000_000019", "ulm_000003_000019"]
    assert seg_data.stems(layout, "testing") == ["lindau_000001_000019"]
    label = cv2.imread(str(layout / "testing/label/lindau_000001_000019.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(label, np.array([TRAIN_IDS], np.uint8).repeat(8, axis=0))
    image = layout / "training/image/ulm_000003_000019.png"
    assert image.read_bytes() == (tree / "leftImg8bit/train/ulm/ulm_000003_000019_leftImg8bit.png").read_bytes()


def test_the_test_frames_are_left_out_and_it_is_said(tree, layout):
    write_frame(tree, "test", "bonn/bonn_000000_000019", np.random.default_rng(1))
    (note,) = cityscapes.import_frames(tree, layout)
    assert note == "the frames in leftImg8bit/test are left out: their truth is not public"
    assert not list(layout.rglob("bonn*"))


def test_each_archive_may_be_in_a_folder_of_its_own(tree, layout):
    for name in ("leftImg8bit", "gtFine"):
        (tree / f"{name}_trainvaltest").mkdir()
        (tree / name).rename(tree / f"{name}_trainvaltest" / name)
    assert cityscapes.import_frames(tree, layout) == []
    assert len(seg_data.stems(layout, "training")) == 2


@pytest.mark.parametrize("missing", ["gtFine", "leftImg8bit", "gtFine/val"])
def test_a_missing_folder_is_one_line(tree, layout, missing):
    (tree / missing).rename(tree.parent / "away")
    name = missing if "/" in missing else f"{missing}/train"
    with pytest.raises(UserError, match=rf"^\S+city: the folder {name} is not in it or empty; name a folder[^\n]*$"):
        cityscapes.import_frames(tree, layout)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (
            "gtFine/train/ulm/ulm_000003_000019_gtFine_labelIds.png",
            r"_leftImg8bit\.png has no label; add gtFine/train/ulm/ulm_000003_000019_gtFine_labelIds\.png$",
        ),
        (
            "leftImg8bit/train/ulm/ulm_000003_000019_leftImg8bit.png",
            r"_labelIds\.png has no image; add leftImg8bit/train/ulm/ulm_000003_000019_leftImg8bit\.png$",
        ),
    ],
)
def test_a_frame_without_its_partner_is_named(tree, layout, gone, message):
    (tree / gone).unlink()
    with pytest.raises(UserError, match=message):
        cityscapes.import_frames(tree, layout)


def test_a_frame_in_two_cities_is_named(tree, layout):
    write_frame(tree, "train", "bonn/ulm_000003_000019", np.random.default_rng(1))
    with pytest.raises(UserError, match=r"ulm/ulm_000003_000019\S+ is also in bonn/ulm_000003_000019; keep one"):
        cityscapes.import_frames(tree, layout)


def test_other_ids_are_refused(tree, layout):
    write_frame(tree, "train", "ulm/ulm_000003_000019", np.random.default_rng(1), ids=[7, 8, 34, 40, 7, 7, 7, 7])
    with pytest.raises(UserError, match=r"holds 34, 40; a Cityscapes label holds ids 0\.\.33 or 255: take the files"):
        cityscapes.import_frames(tree, layout)


def test_the_same_picture_in_train_and_val_is_refused(tree, layout):
    image = tree / "leftImg8bit/train/ulm/ulm_000003_000019_leftImg8bit.png"
    (tree / "leftImg8bit/val/lindau/lindau_000001_000019_leftImg8bit.png").write_bytes(image.read_bytes())
    with pytest.raises(UserError, match=r"lindau\S+ is the same picture as \S+ulm_000003"):
        cityscapes.import_frames(tree, layout)
