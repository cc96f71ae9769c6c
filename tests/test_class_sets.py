"""Frames of other classes than Cityscapes', through the stages: what comes out is what was worked out by hand."""

import copy
import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from conftest import PARAMS, ROOT, write_params, write_picture, write_seg_data
from PIL import Image
from safetensors.torch import load_file

import class_weights
import fetch_data
import fetch_pretrained
import flops
import look
import predict
import preflight
import release
import report
import score
import train
from roadseg.frames.images import read_label
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError

SMALL = {
    "data.source": "seg_data",
    "data.seg_data.path": "../mine",
    "data.val_fraction": 0.34,
    "input": {"height": 64, "width": 64, "resize": "area"},
    "train.epochs": 1,
    "train.batch_size": 2,
    "report.pictures": 1,
}
ALL = (preflight, fetch_data, look, fetch_pretrained, class_weights, train, predict, score, flops, report)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A function that sets parameters, in a project whose own frames are in ../mine."""
    folder = tmp_path / "project"
    (folder / "metrics").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["score.py"])
    shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
    for ending in (".csv", ".png"):
        shutil.copy(ROOT / paths.ABLATION.with_suffix(ending), paths.ABLATION.with_suffix(ending))

    def change(**changes):
        params = copy.deepcopy(PARAMS)
        for key, value in (SMALL | changes).items():
            *sections, last = key.split(".")
            target = params
            for section in sections:
                target = target[section]
            target[last] = value
        write_params(params)

    return change


def write_frame(name, height=32, width=48):
    """Write a picture like no other into ../mine."""
    random = np.random.default_rng(list(name.encode()))
    write_picture(Path("../mine", name), random.integers(0, 256, (height, width, 3), np.uint8))


def write_colors(name, rgb):
    write_picture(Path("../mine", name), np.ascontiguousarray(np.array(rgb, np.uint8)[..., ::-1]))


def label_of(name):
    return read_label(paths.SEG_DATA / name)


def splits():
    return json.loads(paths.SPLITS.read_text())


def test_camvid_in_colours_with_its_own_names_and_validation_frames(project):
    """Sky over a road with a lane marking, void below; the validation frame has a wall, the test frame a child."""
    project(classes="camvid")
    sky, marking, wall, child = (128, 128, 128), (128, 0, 192), (64, 192, 0), (192, 128, 64)
    road, void = (128, 64, 128), (0, 0, 0)
    rows = {"train/a": [sky, road, marking, void], "val/b": [wall, void], "test/c": [child, road]}
    for name, colors in rows.items():
        split, stem = name.split("/")
        write_frame(f"{split}/{stem}.png")
        write_colors(
            f"{split}_labels/{stem}_L.png", np.repeat([[color] * 48 for color in colors], 32 // len(colors), 0)
        )
    fetch_data.main()
    assert label_of("training/label/a.png")[::8, 0].tolist() == [0, 3, 3, 255]
    assert label_of("training/label/b.png")[::16, 0].tolist() == [1, 255]
    assert label_of("testing/label/c.png")[::16, 0].tolist() == [9, 3]
    assert splits() == {"train": ["a"], "val": ["b"], "test": ["c"]}
    names = (paths.SEG_DATA / "names.txt").read_text().splitlines()
    assert (len(names), names[9]) == (11, "pedestrian")
    class_weights.main()
    rows = json.loads(paths.CLASS_WEIGHTS.read_text())
    assert [row["class"] for row in rows] == names
    # a third of the valid pixels is sky and two thirds are road: 3 and 3/2, scaled to the sum 11
    assert [row["weight"] for row in rows] == pytest.approx([22 / 3, 0, 0, 11 / 3, *[0] * 7], rel=1e-5)


def write_masks(form=lambda mask: mask):
    """Write masks whose upper quarter is white, frames of four sizes; the last two are tested on."""
    for number, (height, width) in enumerate(((32, 48), (64, 40), (20, 100), (32, 48), (48, 32), (36, 70))):
        split = "train" if number < 4 else "test"
        write_frame(f"{split}/images/{number}.png", height, width)
        mask = np.zeros((height, width), np.uint8)
        mask[: height // 4] = 255
        write_picture(Path(f"../mine/{split}/masks/{number}.png"), form(mask))


@pytest.mark.parametrize("form", [lambda mask: mask, lambda mask: np.dstack([mask] * 3)], ids=["grey", "colours"])
def test_black_and_white_masks(project, form):
    """A quarter is road: the weights are 1/(3/4) to 1/(1/4), all background scores 3/4 and 0."""
    project(classes="binary_road")
    write_masks(form)
    fetch_data.main()
    assert (paths.SEG_DATA / "names.txt").read_text() == "background\nroad\n"
    assert (paths.SEG_DATA / "colors.txt").read_text() == "0 0 0\n128 64 128\n"
    class_weights.main()
    assert [row["weight"] for row in json.loads(paths.CLASS_WEIGHTS.read_text())] == pytest.approx([0.5, 1.5], rel=1e-5)
    for stem in splits()["test"]:
        truth = label_of(f"testing/label/{stem}.png")
        assert np.array_equal(truth == 1, np.arange(len(truth))[:, None] < len(truth) // 4 + np.zeros(truth.shape))
        write_picture(paths.PREDICTIONS / "grey" / f"{stem}.png", np.zeros_like(truth))
    score.main()
    assert json.loads(paths.SCORE.read_text()) == pytest.approx(
        {"miou": 3 / 8, "miou_present": 3 / 8, "pixel_accuracy": 3 / 4, "fw_iou": 9 / 16}
    )
    confusion = pd.read_csv(paths.CONFUSION, index_col="truth")
    pixels = 48 * 32 + 36 * 70
    assert confusion.to_dict("index") == {
        "background": {"background": pixels * 3 // 4, "road": 0},
        "road": {"background": pixels // 4, "road": 0},
    }


def test_two_classes_in_frames_of_mixed_sizes_go_through_all_stages_and_the_release(project, monkeypatch):
    project(classes="binary_road", loss="weighted_ce")
    write_masks()
    for stage in ALL:
        stage.main()
    heads = {key: tensor.shape for key, tensor in load_file(paths.MODEL).items() if "head" in key}
    assert {shape[0] for shape in heads.values()} == {2}
    for stem, size in {"4": (48, 32), "5": (36, 70)}.items():
        ids = read_label(paths.PREDICTIONS / f"grey/{stem}.png")
        assert ids.shape == size
        assert set(np.unique(ids)) <= {0, 1}
        painted = cv2.imread(str(paths.PREDICTIONS / f"color/{stem}.png"))[..., ::-1]
        assert np.array_equal(painted, np.array([[0, 0, 0], [128, 64, 128]], np.uint8)[ids])
    assert pd.read_csv(paths.PER_CLASS)["class"].tolist() == ["background", "road"]
    text = (paths.REPORT / "report.md").read_text()
    assert "The task: give each pixel of a frame one of 2 classes" in text
    assert "mIoU is the mean over all 2 classes on 2 test frames" in text
    assert "KITTI" not in text.partition("## What was run")[0]
    monkeypatch.setattr(sys, "argv", ["release.py", "first"])
    release.main()
    assert "one of 2 classes: background, road." in Path("release/first/README.md").read_text()
    assert json.loads(Path("release/first/classes.json").read_text()) == [
        {"train_id": 0, "name": "background", "rgb": [0, 0, 0]},
        {"train_id": 1, "name": "road", "rgb": [128, 64, 128]},
    ]


def test_the_pretrained_head_of_other_classes_is_dropped_and_said_so(project, capsys):
    """Weights of the same network for 19 classes."""
    project(**{"data.source": "synthetic"})
    write_seg_data(paths.SEG_DATA)
    fetch_pretrained.main()
    class_weights.main()
    train.main()
    shutil.copy(paths.MODEL, "../w.safetensors")
    shutil.rmtree(paths.SEG_DATA)
    project(classes="binary_road", pretrained="file:../w.safetensors")
    write_masks()
    fetch_data.main()
    capsys.readouterr()
    fetch_pretrained.main()
    assert "; a head of another number of classes is dropped (2 tensors)" in capsys.readouterr().out
    assert not any("segmentation_head" in key for key in load_file(paths.PRETRAINED))


def test_a_voc_tree_of_palette_labels(project):
    """Indices count, and colours are those of the files; 255 is the border between things."""
    project(classes="pascal")
    Path("../mine/SegmentationClass").mkdir(parents=True)
    for stem in "abcdz":  # z is on no list
        write_frame(f"JPEGImages/{stem}.png")
        image = Image.fromarray(np.repeat(np.array([0, 15, 255, 20], np.uint8), 8)[:, None].repeat(48, axis=1))
        image.putpalette(bytes([i // 3 for i in range(768)]))
        image.save(f"../mine/SegmentationClass/{stem}.png")
    Path("../mine/ImageSets/Segmentation").mkdir(parents=True)
    Path("../mine/ImageSets/Segmentation/train.txt").write_text("a\nc\nd\n")
    Path("../mine/ImageSets/Segmentation/val.txt").write_text("b\n")
    fetch_data.main()
    found = splits()
    assert (sorted(found["train"] + found["val"]), len(found["val"]), found["test"]) == (["a", "c", "d"], 1, ["b"])
    assert label_of("testing/label/b.png")[::8, 0].tolist() == [0, 15, 255, 20]
    names = (paths.SEG_DATA / "names.txt").read_text().splitlines()
    assert (names[15], names[20]) == ("person", "tvmonitor")
    colors = (paths.SEG_DATA / "colors.txt").read_text().splitlines()
    assert (len(colors), colors[15], colors[20]) == (21, "15 15 15", "20 20 20")


def test_classes_in_a_file_beside_the_data(project, capsys):
    """1 and 2 are water, 7 is land; what else there may be is not said, so 3 is refused."""
    project(classes="own", **{"class_file": "../mine/classes.yaml"})
    write_masks(lambda mask: np.where(mask, 7, 1).astype(np.uint8))
    Path("../mine/classes.yaml").write_text(
        "labels: grey\nclasses: [land: 9 9 9, water]\nvalues: {land: 7, water: '1, 2'}\n"
    )
    preflight.main()
    fetch_data.main()
    assert label_of("training/label/0.png")[[0, 31], 0].tolist() == [0, 1]
    assert (paths.SEG_DATA / "colors.txt").read_text() == "9 9 9\n128 0 0\n"
    write_picture(Path("../mine/train/masks/0.png"), np.full((32, 48), 3, np.uint8))
    with pytest.raises(UserError, match=r"masks/0\.png holds 3; own knows 1, 2, 7, 255: add what it means to"):
        fetch_data.main()
    Path("../mine/classes.yaml").write_text("labels: grey\nclasses: [land]\n")
    with pytest.raises(UserError, match=r"^\.\./mine/classes\.yaml: the file has one class, land; name two or more"):
        preflight.main()
    project(classes="own", **{"class_file": "../mine/none.yaml"})
    with pytest.raises(UserError, match=r"^class_file: \.\./mine/none\.yaml does not exist"):
        preflight.main()


def test_colours_are_refused_where_values_are_meant_with_the_way_out(project):
    project()
    write_masks(lambda mask: np.dstack([mask] * 3))
    with pytest.raises(UserError) as caught:
        fetch_data.main()
    first, *_ = str(caught.value).split("\n")
    remedy = "save train ids as one grey channel, or choose classes whose labels are colors or palette"
    assert first == f"../mine/train/masks/0.png has 3 channels; {remedy}"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"classes": "camvid", "data.source": "synthetic"},
            "classes: camvid, but frames of data.source: synthetic have those of Cityscapes; choose cityscapes, or",
        ),
        ({"classes": "camvit"}, "classes: 'camvit' is unknown; choose from cityscapes, cityscapes_ids, camvid, "),
        ({"classes": "own"}, "class_file is empty, but classes is own; name a YAML file of classes"),
        (
            {"class_sets.camvid.classes": ["sky", False]},
            "camvid.classes.1: False is wrong; put a name that is a number, yes or no in quotes",
        ),
        (
            {"class_sets.camvid.classes": ["a\nb", "sky"]},
            r"camvid.classes.0.a\nb.[key]: 'a\nb' is wrong; a class's name is 1 to 64 characters of one",
        ),
    ],
)
def test_a_choice_that_can_t_be_is_a_line(project, changes, line):
    project(**changes)
    with pytest.raises(UserError) as caught:
        preflight.main()
    place = "conf/classes.yaml" if line.startswith("camvid") else "params.yaml"
    assert str(caught.value).startswith(f"{place}: {line}")
    assert "\n" not in str(caught.value)
