"""KITTI, Cityscapes and Mapillary Vistas: what is taken, where it goes, and a line for each thing that is not right."""

import json
import os
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import picture_bytes, write_kitti, write_picture
from trees import palette_png

from roadseg.data import cityscapes, kitti, mapillary, seg_data
from roadseg.frames.classes import NAMES
from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError

REAL = Path(os.environ.get("ROADSEG_REAL_DATA", "not given"), "data_semantics_32.zip")


@pytest.fixture
def layout(tmp_path):
    seg_data.make_layout(tmp_path / "layout")
    return tmp_path / "layout"


def notes_of(source, layout, finder):
    """Import frames; what is to be known of them, but for the classes that small trees lack."""
    notes = seg_data.import_frames(source, layout, finder.find_frames).notes
    return [note for note in notes if not note.startswith("no training label holds")]


def stems(layout):
    return [seg_data.stems(layout, part) for part in ("training", "testing")]


# --- KITTI


def numbered(*numbers):
    return {f"{number:06d}_10" for number in numbers}


def test_kitti_split_of_the_whole_archive():
    test = kitti.split_test(numbered(*range(200)))
    assert (len(test), len(kitti.KNOWN_TEST)) == (50, 22)
    assert test > kitti.KNOWN_TEST > numbered(3, 10, 183)


@pytest.mark.parametrize(
    ("stems", "test"),
    [
        # the order of `printf test/STEM | sha256sum` among 0..11 is 5 3 8 0 11 10 9 7 6 4 2 1; 3 and 10 are known
        (numbered(*range(12)), numbered(3, 10, 5)),
        (numbered(0, 1, 2, 4, 5, 6, 7, 8), numbered(5, 8)),
        (numbered(3, 10, 23, 26, 5), numbered(3, 10, 23, 26)),
        (numbered(1, 2), numbered(2)),
        (numbered(1), set()),
    ],
)
def test_kitti_split_of_fewer_frames(stems, test):
    assert kitti.split_test(stems) == test


def test_kitti_s_label_ids_become_train_ids(tmp_path, layout):
    ids = np.array([list(range(34)), [255] * 34], np.uint8)
    archive = write_kitti(tmp_path / "data.zip", sorted(numbered(*range(8))), ids)
    assert notes_of(archive, layout, kitti) == []
    assert stems(layout) == [sorted(numbered(0, 1, 2, 4, 6, 7)), sorted(numbered(3, 5))]
    row = [255] * 7 + [0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    label = read_label(layout / "training/label/000000_10.png")
    assert label.tolist() == [[*row, 255, 255, 16, 17, 18], [255] * 34]
    with zipfile.ZipFile(archive) as members:
        image = members.read("training/image_2/000003_10.png")
    assert (layout / "testing/image/000003_10.png").read_bytes() == image


def test_kitti_archives_that_are_not_right(tmp_path, layout):
    archive = write_kitti(tmp_path / "data.zip", ["000001_10"], np.array([[7, 34]], np.uint8))
    with zipfile.ZipFile(archive, "a") as members:
        members.writestr("training/image_2/000002_10.png", picture_bytes(np.zeros((2, 2, 3), np.uint8)))
    with pytest.raises(UserError) as caught:
        notes_of(archive, layout, kitti)
    first, second = str(caught.value).split("\n")
    assert "image_2/000002_10.png has no label; add training/semantic/000002_10.png" in first
    assert "000001_10.png holds 34; a KITTI label holds ids 0..33 or 255: take the official archive" in second
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as members:
        members.writestr("readme.md", "not KITTI")
    with pytest.raises(UserError, match=r"other\.zip: the folder training/image_2 is not in it"):
        notes_of(tmp_path / "other.zip", layout, kitti)


@pytest.mark.skipif(not REAL.exists(), reason="ROADSEG_REAL_DATA names no folder with data_semantics_32.zip")
def test_real_kitti_frames(layout):
    notes_of(REAL, layout, kitti)
    assert [len(names) for names in stems(layout)] == [24, 8]
    assert seg_data.sizes(layout) == [(375, 1242)]


# --- Cityscapes

ULM = "train/ulm/ulm_000003_000019"
LINDAU = "val/lindau/lindau_000001_000019"
# label ids of the public table, one a column:
# road, sidewalk, car, bicycle, ego vehicle, parking, trailer, licence plate
IDS, TRAIN_IDS = [7, 8, 26, 33, 1, 9, 30, 255], [0, 1, 13, 18, 255, 255, 255, 255]


def write_city_frame(top, frame, seed=0, ids=IDS):
    rng = np.random.default_rng([seed, *frame.encode()])
    write_picture(top / f"leftImg8bit/{frame}_leftImg8bit.png", rng.integers(0, 256, (8, 8, 3), np.uint8))
    write_picture(top / f"gtFine/{frame}_gtFine_labelIds.png", np.array([ids], np.uint8).repeat(8, axis=0))


@pytest.fixture
def city(tmp_path):
    """A small tree as it is unpacked, with the files that are not used."""
    for frame in ("train/aachen/aachen_000000_000019", ULM, LINDAU):
        write_city_frame(tmp_path / "city", frame)
        for other in ("color.png", "instanceIds.png", "polygons.json"):
            (tmp_path / "city" / "gtFine" / f"{frame}_gtFine_{other}").write_bytes(b"not used")
    return tmp_path / "city"


def test_cityscapes_train_is_for_training_and_val_for_testing(city, layout):
    assert notes_of(city, layout, cityscapes) == []
    assert stems(layout) == [["aachen_000000_000019", "ulm_000003_000019"], ["lindau_000001_000019"]]
    label = read_label(layout / "testing/label/lindau_000001_000019.png")
    np.testing.assert_array_equal(label, np.array([TRAIN_IDS], np.uint8).repeat(8, axis=0))
    image = layout / "training/image/ulm_000003_000019.png"
    assert image.read_bytes() == (city / f"leftImg8bit/{ULM}_leftImg8bit.png").read_bytes()


def test_cityscapes_archives_may_be_in_folders_of_their_own_and_test_frames_are_left_out(city, layout):
    write_city_frame(city, "test/bonn/bonn_000000_000019")
    for name in ("leftImg8bit", "gtFine"):
        (city / f"{name}_trainvaltest").mkdir()
        (city / name).rename(city / f"{name}_trainvaltest" / name)
    (note,) = notes_of(city, layout, cityscapes)
    assert note == "the frames in leftImg8bit/test are left out: their ground truth is not public"
    assert not list(layout.rglob("bonn*"))


PICTURE, LABEL = f"leftImg8bit/{ULM}_leftImg8bit.png", f"gtFine/{ULM}_gtFine_labelIds.png"


def away(name):
    """A fault: what is called `name` is not where it belongs."""
    return lambda tree: (tree / name).rename(tree / "elsewhere")


def same_picture_twice(city):
    (city / f"leftImg8bit/{LINDAU}_leftImg8bit.png").write_bytes((city / PICTURE).read_bytes())


def frame_twice(city):
    write_city_frame(city, "train/bonn/ulm_000003_000019")


def unknown_ids(city):
    write_city_frame(city, ULM, ids=[7, 8, 34, 40, 7, 7, 7, 7])


CITY_FAULTS = [
    (away("gtFine"), r"^\S+city: the folder gtFine/train is not in it or empty; name"),
    (away("gtFine/val"), "the folder gtFine/val is not in it or empty; name a folder"),
    (away(LABEL), rf"_leftImg8bit\.png has no label; add gtFine/{ULM}_gtFine_labelIds\.png$"),
    (away(PICTURE), rf"_labelIds\.png has no image; add leftImg8bit/{ULM}_leftImg8bit\.png$"),
    (frame_twice, r"ulm/ulm_000003_000019\S+ is also in bonn/ulm_000003_000019; keep one"),
    (unknown_ids, r"holds 34, 40; a Cityscapes label holds ids 0\.\.33 or 255: take the files"),
    (same_picture_twice, r"lindau\S+ is the same picture as \S+ulm_000003"),
]


@pytest.mark.parametrize(("spoil", "message"), CITY_FAULTS, ids=[message[-30:] for _, message in CITY_FAULTS])
def test_cityscapes_trees_that_are_not_right(city, layout, spoil, message):
    spoil(city)
    with pytest.raises(UserError, match=message) as caught:
        notes_of(city, layout, cityscapes)
    assert "\n" not in str(caught.value)


# --- Mapillary Vistas

CLASSES = [
    ("animal--bird", None),
    ("construction--barrier--fence", "fence"),
    ("construction--flat--road", "road"),
    ("construction--flat--parking", None),
    ("human--rider--other-rider", "rider"),
    ("marking--general", "road"),
    ("object--vehicle--on-rails", "train"),
    ("void--unlabeled", None),
]
VISTAS_IDS = [255 if name is None else NAMES.index(name) for _, name in CLASSES]
COLOURS = [(255 - index, 255 - index // 2, 9) for index in range(256)]  # unlike the indices


def write_vistas(top, labels="v1.2/labels", config="config_v1.2.json", classes=CLASSES):
    rng = np.random.default_rng(0)
    for split, names in {"training": ("a", "b"), "validation": ("c",)}.items():
        (top / split / "images").mkdir(parents=True)
        (top / split / labels).mkdir(parents=True)
        for stem in names:
            _, jpeg = cv2.imencode(".jpg", rng.integers(0, 256, (8, 8, 3), np.uint8))
            (top / split / "images" / f"{stem}.jpg").write_bytes(jpeg.tobytes())
            label = np.arange(len(CLASSES))[None].repeat(8, axis=0)
            (top / split / labels / f"{stem}.png").write_bytes(palette_png(label, COLOURS))
    (top / config).write_text(json.dumps({"labels": [{"name": name, "color": [0, 0, 0]} for name, _ in classes]}))
    return top


@pytest.mark.parametrize(
    ("labels", "config"),
    [("v1.2/labels", "config_v1.2.json"), ("labels", "config.json"), ("v2.0/labels", "config_v2.0.json")],
)
def test_every_version_of_vistas_comes_out_in_train_ids(tmp_path, layout, labels, config):
    tree = write_vistas(tmp_path / "vistas", labels, config)
    assert notes_of(tree, layout, mapillary) == []
    assert stems(layout) == [["a", "b"], ["c"]]
    label = read_label(layout / "testing/label/c.png")
    np.testing.assert_array_equal(label, np.array([VISTAS_IDS], np.uint8).repeat(8, axis=0))
    assert (layout / "training/image/a.jpg").read_bytes() == (tree / "training/images/a.jpg").read_bytes()


def test_of_two_versions_the_first_is_taken_and_testing_frames_are_left_out(tmp_path, layout):
    write_vistas(tmp_path / "other", "v2.0/labels", "config_v2.0.json", CLASSES[::-1])
    tree = write_vistas(tmp_path / "vistas")
    for split in ("training", "validation"):
        (tmp_path / "other" / split / "v2.0").rename(tree / split / "v2.0")
    (tmp_path / "other/config_v2.0.json").rename(tree / "config_v2.0.json")
    write_picture(tree / "testing/images/t.jpg", np.zeros((8, 8, 3), np.uint8))
    (note,) = notes_of(tree, layout, mapillary)
    assert note == "the frames in testing/images are left out: their ground truth is not public"
    assert read_label(layout / "testing/label/c.png")[0].tolist() == VISTAS_IDS


OF_CITYSCAPES = {
    "road": "construction--flat--bike-lane marking--continuous--solid marking-only--discrete--crosswalk-zebra",
    "sidewalk": "construction--flat--sidewalk construction--flat--pedestrian-area",
    "building": "construction--structure--building",
    "wall": "construction--barrier--wall",
    "pole": "object--support--pole object--support--pole-group object--support--utility-pole",
    "traffic light": "object--traffic-light object--traffic-light--general-upright",
    "traffic sign": "object--traffic-sign--front",
    "vegetation": "nature--vegetation",
    "terrain": "nature--terrain",
    "sky": "nature--sky",
    "person": "human--person human--person--person-group",
    "rider": "human--rider--bicyclist",
    "car": "object--vehicle--car",
    "truck": "object--vehicle--truck",
    "bus": "object--vehicle--bus",
    "motorcycle": "object--vehicle--motorcycle",
    "bicycle": "object--vehicle--bicycle",
    None: "construction--flat--rail-track construction--structure--bridge construction--barrier--guard-rail "
    "object--support--traffic-sign-frame object--traffic-sign--back nature--mountain object--vehicle--caravan "
    "object--bike-rack void--ego-vehicle",
}


def test_names_of_vistas_by_the_table():
    expected = [*CLASSES, ("", None)] + [(name, of) for of, names in OF_CITYSCAPES.items() for name in names.split()]
    found = {name: mapillary.train_id_of(name) for name, _ in expected}
    assert found == {name: 255 if of is None else NAMES.index(of) for name, of in expected}


VISTAS_FAULTS = [
    (lambda tree: (tree / "training").rename(tree / "train"), "the folder training/images is not in it or empty"),
    (
        lambda tree: [file.unlink() for file in (tree / "training/v1.2/labels").iterdir()],
        r"vistas has no labels; unpack them too, to training/v1\.2/labels or training/labels or training/v2\.0",
    ),
    (lambda tree: (tree / "config_v1.2.json").unlink(), r"config_v1\.2\.json, the list of the classes, is missing"),
    (lambda tree: (tree / "config_v1.2.json").write_text("{"), r"config_v1\.2\.json is no list of classes; take"),
    (lambda tree: (tree / "config_v1.2.json").write_text('{"labels": [1]}'), "is no list of classes; take that of"),
    (lambda tree: (tree / "config_v1.2.json").write_text('{"labels": []}'), "lists 0 classes; take that of"),
    (lambda tree: (tree / "training/v1.2/labels/b.png").unlink(), r"images/b\.jpg has no label; add \S+/b\.png"),
    (lambda tree: (tree / "validation/images/c.jpg").unlink(), r"labels/c\.png has no image; add one to"),
    (
        lambda tree: (tree / "training/v1.2/labels/b.png").write_bytes(palette_png(np.full((8, 8), 9), COLOURS)),
        r"b\.png holds 9; config_v1\.2\.json lists the classes 0\.\.7: take both from one archive",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), VISTAS_FAULTS, ids=[message[-30:] for _, message in VISTAS_FAULTS])
def test_vistas_trees_that_are_not_right(tmp_path, layout, spoil, message):
    tree = write_vistas(tmp_path / "vistas")
    spoil(tree)
    with pytest.raises(UserError, match=message) as caught:
        notes_of(tree, layout, mapillary)
    assert "\n" not in str(caught.value)
