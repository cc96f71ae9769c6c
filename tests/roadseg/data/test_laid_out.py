"""Frames are paired and split as the layout has them."""

import hashlib
import shutil

import pytest
from trees import write_frame, write_split

from roadseg.data.archives import open_tree
from roadseg.data.laid_out import find_frames


def found_in(folder):
    with open_tree(folder) as tree:
        return find_frames(tree)


def stems_of(found, part):
    return [pair.stem for pair in found.pairs if pair.part == part]


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
def test_an_own_validation_split_is_held_out(tmp_path, images, labels, suffix):
    for first, (split, stems) in enumerate({"train": ["a", "b"], "val": ["c"], "test": ["d", "e"]}.items()):
        write_split(tmp_path, images.format(split), labels.format(split), stems, 10 * first, suffix)
    found = found_in(tmp_path)
    assert stems_of(found, "training") == ["a", "b", "c"]
    assert stems_of(found, "testing") == ["d", "e"]
    assert found.held_out == {"c"}
    assert (found.problems, found.notes) == ([], [])


def test_without_a_test_split_the_validation_frames_are_tested_on(tmp_path):
    write_split(tmp_path, "train/images", "train/masks", ["a", "b"], 0)
    write_split(tmp_path, "val/images", "val/masks", ["c"], 2)
    found = found_in(tmp_path)
    assert (stems_of(found, "training"), stems_of(found, "testing")) == (["a", "b"], ["c"])
    assert found.held_out is None
    assert found.notes == ["there are no labelled frames for test: those for val are tested on"]


def test_test_frames_without_labels_are_left_out(tmp_path):
    write_split(tmp_path, "train/images", "train/masks", ["a", "b"], 0)
    write_split(tmp_path, "val/images", "val/masks", ["c"], 2)
    write_frame(tmp_path / "test/images/d.png", 3)
    found = found_in(tmp_path)
    assert (stems_of(found, "training"), stems_of(found, "testing")) == (["a", "b"], ["c"])
    assert found.problems == []
    shutil.rmtree(tmp_path / "val")
    assert found_in(tmp_path).problems == [f"{tmp_path}/test/images/d.png has no label; add test/masks/d.png"]


def test_frames_numbered_anew_in_each_split_stay_apart(tmp_path):
    for first, split in enumerate(("train", "val", "test")):
        write_split(tmp_path, f"{split}/images", f"{split}/masks", ["0", "1"], 10 * first)
    found = found_in(tmp_path)
    assert stems_of(found, "training") == ["0", "1", "val_0", "val_1"]
    assert [pair.image for pair in found.pairs if pair.stem == "val_1"] == ["val/images/1.png"]
    assert found.held_out == {"val_0", "val_1"}


def test_a_quarter_is_tested_on_where_nothing_says_which(tmp_path):
    """The lowest two of eight by the SHA-256 of test/STEM."""
    stems = list("abcdefgh")
    write_split(tmp_path, "images", "masks", stems, 0)
    found = found_in(tmp_path)
    expected = sorted(stems, key=lambda stem: hashlib.sha256(f"test/{stem}".encode()).hexdigest())[:2]
    assert stems_of(found, "testing") == sorted(expected)
    assert stems_of(found, "training") == sorted(set(stems) - set(expected))
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
    assert (stems_of(found, "training"), stems_of(found, "testing")) == (["a", "c"], ["b"])
    assert (found.held_out, found.problems) == (None, [])


def test_a_listed_frame_that_is_not_there_is_a_line(tmp_path):
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
    assert stems_of(found, "training") == ["a_1", "b_2"]
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
