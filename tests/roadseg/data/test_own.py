"""A layout is told by the folders alone, frames are paired and split as it has them, and the rest is a line each."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from trees import palette_png, write_frame, write_split

from roadseg.data.archives import Tree, open_tree
from roadseg.data.class_sets import label_rule
from roadseg.data.own import find_frames, find_layout, painted_classes
from roadseg.data.pairs import Pair
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import ClassRow


def tree_of(*names):
    return Tree(Path("mine"), sorted(names), lambda _: b"")


VOC = ("ImageSets/Segmentation/train.txt", "JPEGImages/a.jpg", "SegmentationClass/a.png")


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
        ([f"VOCdevkit/VOC2012/{name}" for name in VOC], "JPEGImages", "VOCdevkit/VOC2012/"),
    ],
)
def test_layouts(names, images, top):
    layout, found = find_layout(tree_of(*names))
    assert (layout.images, found) == (images, top)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["img/a.png", "img/b.png", "gt/a.png"], "gt (1), img (2)"),
        ([f"a{i:02}/x.png" for i in range(12)], "a06 (1), a07 (1) and 4 more folders"),
        ([], "; found: nothing"),
    ],
)
def test_what_fits_none_is_one_line_with_what_there_is_and_what_was_found(names, found):
    with pytest.raises(UserError) as caught:
        find_layout(tree_of(*names))
    line = str(caught.value)
    assert line.startswith(
        "mine has frames in no layout that is known: training/image + training/label; train/images +"
    )
    assert "JPEGImages + SegmentationClass by ImageSets/Segmentation/train.txt" in line
    assert line.endswith(found)
    assert "\n" not in line


def test_one_layout_twice_is_refused():
    names = [f"{top}/train/{kind}/a.png" for top in ("one", "two") for kind in ("images", "masks")]
    with pytest.raises(UserError) as caught:
        find_layout(tree_of(*names))
    assert str(caught.value) == "mine has train/images + train/masks 2 times (one/, two/); name one of these"


def found_in(folder):
    with open_tree(folder) as tree:
        return find_frames(tree)


def stems_of(found):
    return tuple([pair.stem for pair in found.pairs if pair.part == part] for part in ("training", "testing"))


@pytest.mark.parametrize(
    ("images", "labels", "suffix"),
    [
        ("{}/images", "{}/masks", ""),
        ("{}/images", "{}/labels", "_mask"),
        ("{}/image", "{}/label", ""),
        ("images/{}", "masks/{}", ""),
        ("{}", "{}_labels", "_L"),
        ("{}", "{}annot", ""),
    ],
)
def test_an_own_validation_split_is_kept(tmp_path, images, labels, suffix):
    for first, (split, stems) in enumerate({"train": ["a", "b"], "val": ["c"], "test": ["d", "e"]}.items()):
        write_split(tmp_path, images.format(split), labels.format(split), stems, 10 * first, suffix)
    found = found_in(tmp_path)
    assert stems_of(found) == (["a", "b", "c"], ["d", "e"])
    assert (found.val, found.problems, found.notes) == ({"c"}, [], [])


def test_without_labelled_test_frames_the_validation_frames_are_tested_on(tmp_path):
    write_split(tmp_path, "train/images", "train/masks", ["a", "b"], 0)
    write_split(tmp_path, "val/images", "val/masks", ["c"], 2)
    for _ in range(2):
        found = found_in(tmp_path)
        assert stems_of(found) == (["a", "b"], ["c"])
        assert (found.val, found.problems) == (None, [])
        assert found.notes == ["there are no labelled frames for test: those for val are tested on"]
        write_frame(tmp_path / "test/images/d.png", 3)
    shutil.rmtree(tmp_path / "val")
    assert found_in(tmp_path).problems == [f"{tmp_path}/test/images/d.png has no label; add test/masks/d.png"]


def test_frames_numbered_anew_in_each_split_stay_apart(tmp_path):
    for first, split in enumerate(("train", "val", "test")):
        write_split(tmp_path, f"{split}/images", f"{split}/masks", ["0", "1"], 10 * first)
    found = found_in(tmp_path)
    assert stems_of(found)[0] == ["0", "1", "val_0", "val_1"]
    assert [pair.image for pair in found.pairs if pair.stem == "val_1"] == ["val/images/1.png"]
    assert found.val == {"val_0", "val_1"}


def test_a_quarter_is_tested_on_where_nothing_says_which(tmp_path):
    """The lowest two of eight by the SHA-256 of test/STEM."""
    stems = list("abcdefgh")
    write_split(tmp_path, "images", "masks", stems, 0)
    found = found_in(tmp_path)
    expected = sorted(stems, key=lambda stem: hashlib.sha256(f"test/{stem}".encode()).hexdigest())[:2]
    assert stems_of(found) == (sorted(set(stems) - set(expected)), sorted(expected))
    assert found.notes == ["nothing says which frames are for testing: 2 of 8 were taken"]


def write_voc(folder, lists):
    for number, stem in enumerate("abcdef"):
        write_frame(folder / "JPEGImages" / f"{stem}.png", number)
    write_split(folder, "JPEGImages", "SegmentationClass", list("abcd"), 0)
    for name, text in lists.items():
        (folder / "ImageSets/Segmentation").mkdir(parents=True, exist_ok=True)
        (folder / f"ImageSets/Segmentation/{name}.txt").write_text(text)


def test_voc_s_lists_name_the_frames(tmp_path):
    write_voc(tmp_path, {"train": "a\nc\n", "val": "b\r\n\r\n", "test": "e\nf\n", "trainval": "a\nb\nc\n"})
    found = found_in(tmp_path)
    assert stems_of(found) == (["a", "c"], ["b"])
    assert (found.val, found.problems) == (None, [])
    write_voc(tmp_path, {"train": "a\ne\nx\n", "val": "b\n"})
    lists = f"{tmp_path}/ImageSets/Segmentation/train.txt lists"
    assert found_in(tmp_path).problems == [
        f"{lists} e, which has no label; add it to SegmentationClass, or take it off the list",
        f"{lists} x, which has no image; add it to JPEGImages, or take it off the list",
        f"{lists} x, which has no label; add it to SegmentationClass, or take it off the list",
    ]


def test_cityscapes_names_pair_and_what_lies_beside_is_passed_over(tmp_path):
    for split, stems in {"train": ["a_1", "b_2"], "test": ["c_3"]}.items():
        for number, stem in enumerate(stems):
            write_frame(tmp_path / split / "images" / f"{stem}_leftImg8bit.png", number)
            for kind in ("labelIds", "color", "instanceIds"):
                write_frame(tmp_path / split / "labels" / f"{stem}_gtFine_{kind}.png", number)
    found = found_in(tmp_path)
    assert stems_of(found)[0] == ["a_1", "b_2"]
    assert found.pairs[0].label == "train/labels/a_1_gtFine_labelIds.png"
    assert found.problems == []


def test_a_file_without_the_suffix_of_the_others_is_a_line(tmp_path):
    write_split(tmp_path, "train", "train_labels", ["a", "b", "c"], 0, "_L")
    write_split(tmp_path, "test", "test_labels", ["d"], 5, "_L")
    (tmp_path / "train_labels/b_L.png").rename(tmp_path / "train_labels/b.png")
    assert found_in(tmp_path).problems == [
        f"{tmp_path}/train_labels/b.png does not end in _L.png, as the others do; rename it",
        f"{tmp_path}/train/b.png has no label; add train_labels/b_L.png",
    ]


THREE = [(9, 9, 9), (1, 2, 3), (4, 5, 6)]
PNG = palette_png(np.zeros((2, 2), np.uint8), THREE)


@pytest.mark.parametrize(
    ("row", "labels", "colors"),
    [
        ({"classes": ["a", {"b": "7 7 7"}, "c"]}, [PNG, palette_png(np.ones((2, 2)), THREE[::-1])], [0, (7, 7, 7), 2]),
        ({"classes": ["a", "b"], "values": {"a": 2, "b": 1}}, [b"no picture", PNG], [2, 1]),
        ({"classes": ["a", "b", "c"]}, [palette_png(np.ones((2, 2)), THREE[:2])], [0, 1, (0, 128, 0)]),
        ({"classes": ["a", "b", "c"]}, [], [(128, 128, 0), (128, 0, 0), (0, 128, 0)]),
    ],
)
def test_a_class_without_a_colour_has_that_of_the_first_palette_or_of_its_number(row, labels, colors):
    files = {f"{i}.png": png for i, png in enumerate(labels)}
    tree, pairs = Tree(Path("mine"), list(files), files.__getitem__), [Pair("", name, name, name) for name in files]
    found = painted_classes(label_rule("x", ClassRow.model_validate({"labels": "palette", **row})), tree, pairs)
    assert found.colors == tuple(THREE[color] if isinstance(color, int) else color for color in colors)
