"""A layout is told by the folders alone; what fits none is answered with what there is."""

from pathlib import Path

import pytest

from roadseg.data.archives import Tree
from roadseg.data.layouts import find_layout
from roadseg.pipeline.errors import UserError


def tree_of(*names):
    return Tree(Path("mine"), sorted(names), lambda _: b"")


@pytest.mark.parametrize(
    ("names", "images", "top"),
    [
        (["training/image/a.png", "training/label/a.png"], "{}/image", ""),
        (["x/training/image/a.png", "x/training/label/a.png"], "{}/image", "x/"),
        (["train/images/a.jpg", "train/masks/a.png"], "{}/images", ""),
        (["train/images/a.jpg", "train/labels/a.png", "val/images/b.jpg", "val/labels/b.png"], "{}/images", ""),
        (["images/train/a.jpg", "labels/train/a.png"], "images/{}", ""),
        (["CamVid/train/a.png", "CamVid/train_labels/a_L.png"], "{}", "CamVid/"),
        (["train/a.png", "trainannot/a.png", "train.txt"], "{}", ""),
        (["images/a.png", "masks/a.png"], "images", ""),
        (
            [f"VOCdevkit/VOC2012/{name}" for name in (
                "ImageSets/Segmentation/train.txt", "JPEGImages/a.jpg", "SegmentationClass/a.png",
            )],
            "JPEGImages",
            "VOCdevkit/VOC2012/",
        ),
    ],
)  # fmt: skip
def test_layouts(names, images, top):
    layout, found = find_layout(tree_of(*names))
    assert (layout.images, found) == (images, top)


def test_what_fits_none_is_one_line_with_what_there_is_and_what_was_found():
    with pytest.raises(UserError) as caught:
        find_layout(tree_of("img/a.png", "img/b.png", "gt/a.png"))
    line = str(caught.value)
    assert line.startswith(
        "mine has frames in no layout that is known: training/image + training/label; train/images +"
    )
    assert "JPEGImages + SegmentationClass by ImageSets/Segmentation/train.txt" in line
    assert line.endswith("; found: gt (1), img (2)")
    assert "\n" not in line


def test_many_folders_are_counted():
    with pytest.raises(UserError, match=r"found: a0 \(1\), .*, a7 \(1\) and 4 more folders$"):
        find_layout(tree_of(*(f"a{i}/x.png" for i in "0123456789ab")))


def test_an_empty_folder_holds_nothing():
    with pytest.raises(UserError, match=r"found: nothing$"):
        find_layout(tree_of())


def test_one_twice_is_refused():
    names = [f"{top}/train/{kind}/a.png" for top in ("one", "two") for kind in ("images", "masks")]
    with pytest.raises(UserError) as caught:
        find_layout(tree_of(*names))
    assert str(caught.value) == "mine has train/images + train/masks 2 times (one/, two/); name one of these"
