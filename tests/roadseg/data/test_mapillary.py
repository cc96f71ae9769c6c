"""Mapillary Vistas trees: palette labels by the list of classes, of every version, and a line for what is not right."""

import json
import struct
import zlib

import cv2
import numpy as np
import pytest
from conftest import write_picture

from roadseg.data import mapillary, seg_data
from roadseg.frames.classes import NAMES
from roadseg.pipeline.errors import UserError

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
TRAIN_IDS = [255 if name is None else NAMES.index(name) for _, name in CLASSES]


@pytest.fixture
def layout(tmp_path):
    seg_data.make_layout(tmp_path / "layout")
    return tmp_path / "layout"


def palette_png(indices, bits=8):
    """A palette PNG by the format's specification, its colours unlike its (H, W) indices."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = indices.shape
    header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    colours = bytes(255 - value for index in range(2**bits) for value in (index, index // 2, index // 3))
    rows = b"".join(b"\0" + row.tobytes() for row in indices.astype(np.uint8))
    parts = (b"IHDR", header), (b"PLTE", colours), (b"tRNS", b"\x80"), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def write_tree(top, labels="v1.2/labels", config="config_v1.2.json", classes=CLASSES):
    rng = np.random.default_rng(0)
    for split, stems in {"training": ("a", "b"), "validation": ("c",)}.items():
        (top / split / "images").mkdir(parents=True)
        (top / split / labels).mkdir(parents=True)
        for stem in stems:
            _, jpeg = cv2.imencode(".jpg", rng.integers(0, 256, (8, 8, 3), np.uint8))
            (top / split / "images" / f"{stem}.jpg").write_bytes(jpeg.tobytes())
            label = np.arange(len(CLASSES))[None].repeat(8, axis=0)
            (top / split / labels / f"{stem}.png").write_bytes(palette_png(label))
    (top / config).write_text(json.dumps({"labels": [{"name": name, "color": [0, 0, 0]} for name, _ in classes]}))
    return top


def test_palette_pngs_are_what_an_independent_reader_takes_them_for(tmp_path):
    (tmp_path / "x.png").write_bytes(palette_png(np.array([[0, 200]])))
    np.testing.assert_array_equal(
        cv2.imread(str(tmp_path / "x.png")), [[[255, 255, 255], [255 - 66, 255 - 100, 255 - 200]]]
    )


@pytest.mark.parametrize(
    ("labels", "config"),
    [("v1.2/labels", "config_v1.2.json"), ("labels", "config.json"), ("v2.0/labels", "config_v2.0.json")],
)
def test_every_version_comes_out_in_train_ids(tmp_path, layout, labels, config):
    tree = write_tree(tmp_path / "vistas", labels, config)
    assert mapillary.import_frames(tree, layout) == []
    assert seg_data.stems(layout, "training") == ["a", "b"]
    assert seg_data.stems(layout, "testing") == ["c"]
    label = cv2.imread(str(layout / "testing/label/c.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(label, np.array([TRAIN_IDS], np.uint8).repeat(8, axis=0))
    assert (layout / "training/image/a.jpg").read_bytes() == (tree / "training/images/a.jpg").read_bytes()


def test_of_two_versions_the_first_is_taken(tmp_path, layout):
    write_tree(tmp_path / "other", "v2.0/labels", "config_v2.0.json", CLASSES[::-1])
    tree = write_tree(tmp_path / "vistas")
    for split in ("training", "validation"):
        (tmp_path / "other" / split / "v2.0").rename(tree / split / "v2.0")
    (tmp_path / "other/config_v2.0.json").rename(tree / "config_v2.0.json")
    mapillary.import_frames(tree, layout)
    label = cv2.imread(str(layout / "testing/label/c.png"), cv2.IMREAD_UNCHANGED)
    assert label is not None
    assert label[0].tolist() == TRAIN_IDS


@pytest.mark.parametrize(
    ("name", "of_cityscapes"),
    [
        *CLASSES,
        ("construction--flat--sidewalk", "sidewalk"),
        ("construction--flat--pedestrian-area", "sidewalk"),
        ("construction--flat--bike-lane", "road"),
        ("construction--flat--rail-track", None),
        ("construction--structure--building", "building"),
        ("construction--structure--bridge", None),
        ("construction--barrier--wall", "wall"),
        ("construction--barrier--guard-rail", None),
        ("object--support--pole", "pole"),
        ("object--support--pole-group", "pole"),
        ("object--support--utility-pole", "pole"),
        ("object--support--traffic-sign-frame", None),
        ("object--traffic-light", "traffic light"),
        ("object--traffic-light--general-upright", "traffic light"),
        ("object--traffic-sign--front", "traffic sign"),
        ("object--traffic-sign--back", None),
        ("nature--vegetation", "vegetation"),
        ("nature--terrain", "terrain"),
        ("nature--sky", "sky"),
        ("nature--mountain", None),
        ("human--person", "person"),
        ("human--person--person-group", "person"),
        ("human--rider--bicyclist", "rider"),
        ("object--vehicle--car", "car"),
        ("object--vehicle--caravan", None),
        ("object--vehicle--truck", "truck"),
        ("object--vehicle--bus", "bus"),
        ("object--vehicle--motorcycle", "motorcycle"),
        ("object--vehicle--bicycle", "bicycle"),
        ("object--bike-rack", None),
        ("marking--continuous--solid", "road"),
        ("marking-only--discrete--crosswalk-zebra", "road"),
        ("void--ego-vehicle", None),
        ("", None),
    ],
)
def test_names_by_the_table(name, of_cityscapes):
    assert mapillary.train_id_of(name) == (255 if of_cityscapes is None else NAMES.index(of_cityscapes))


def test_the_testing_frames_are_left_out_and_it_is_said(tmp_path, layout):
    tree = write_tree(tmp_path / "vistas")
    write_picture(tree / "testing/images/t.jpg", np.zeros((8, 8, 3), np.uint8))
    assert mapillary.import_frames(tree, layout) == [
        "the frames in testing/images are left out: their truth is not public"
    ]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
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
            lambda tree: (tree / "training/v1.2/labels/b.png").write_bytes(palette_png(np.full((8, 8), 9))),
            r"b\.png holds 9; config_v1\.2\.json lists the classes 0\.\.7: take both from one archive",
        ),
    ],
)
def test_what_is_not_right_is_one_line(tmp_path, layout, spoil, message):
    tree = write_tree(tmp_path / "vistas")
    spoil(tree)
    with pytest.raises(UserError, match=message) as caught:
        mapillary.import_frames(tree, layout)
    assert "\n" not in str(caught.value)
