"""Pictures are known again after small changes, and what is said of a data set agrees with counting by hand."""

import json
import os
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import write_seg_data

from roadseg.data.survey import (
    Content,
    Fingerprint,
    fingerprint,
    read_contents,
    rows_by_class,
    rows_by_size,
    rows_by_split,
    same_and_near,
    twins,
)
from roadseg.frames.files import split_files
from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError
from roadseg.scenes.scene import render_scene

REAL = Path(os.environ.get("ROADSEG_REAL_DATA", "not given"), "data_semantics_32.zip")
SCENES = [render_scene(1, index, 96, 192)[0] for index in range(12)]


def as_jpeg(image):
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)


def with_noise(image):
    noise = np.random.default_rng(0).normal(0, 8, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


CHANGES = {
    "jpeg": as_jpeg,
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "brighter": lambda image: np.clip(image * 1.15 + 8, 0, 255).astype(np.uint8),
    "noise": with_noise,
    "one pixel": lambda image: np.concatenate([image[:, 1:], image[:, :1]], axis=1),
}


def prints_of(images):
    return [fingerprint(image) for image in images]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_picture_is_near_the_one_that_it_was_and_no_other(change):
    changed = prints_of(map(change, SCENES))
    assert same_and_near(changed, prints_of(SCENES)) == ([], [(i, i) for i in range(len(SCENES))])
    assert same_and_near(changed[:6], prints_of(SCENES[6:])) == ([], [])


@pytest.mark.skipif(not REAL.exists(), reason="ROADSEG_REAL_DATA names no folder with data_semantics_32.zip")
def test_different_real_frames_are_not_near():
    with zipfile.ZipFile(REAL) as archive:
        names = [name for name in archive.namelist() if "training/image_2/" in name and name.endswith(".png")]
        images = [cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR) for name in names]
    prints = prints_of(images)
    assert len(prints) == 32
    for i in range(32):
        assert same_and_near(prints[i : i + 1], prints[:i] + prints[i + 1 :]) == ([], [])


def test_the_same_pixels_are_the_same_picture_and_are_not_called_near():
    some = prints_of([SCENES[3], SCENES[5], SCENES[7]])
    others = prints_of([SCENES[0], SCENES[5].copy(), SCENES[5], SCENES[3]])
    assert same_and_near(some, others) == ([(0, 3), (1, 1)], [])
    image = np.zeros((4, 6, 3), np.uint8)
    assert fingerprint(image).pixels != fingerprint(image.reshape(6, 4, 3)).pixels


def test_flat_pictures_are_near_nothing():
    flat = prints_of([np.full((30, 40, 3), grey, np.uint8) for grey in (0, 99)])
    assert same_and_near(flat[:1], flat[1:]) == same_and_near(flat, prints_of(SCENES)) == ([], [])
    assert same_and_near([], []) == same_and_near(prints_of(SCENES), flat) == ([], [])


def test_five_thousand_frames_take_a_moment():
    looks = np.random.default_rng(0).integers(0, 2**64, (5000, 4), np.uint64)
    prints = [Fingerprint(look.tobytes(), look) for look in looks]
    begin = time.process_time()
    assert same_and_near(prints[:1000], prints[1000:]) == ([], [])
    assert time.process_time() - begin < 5


def test_contents_are_those_of_the_files(tmp_path):
    write_seg_data(tmp_path)
    files = split_files(tmp_path, json.loads((tmp_path / "splits.json").read_text()), "train")
    named = {file.image.name: file for file in files}
    for one in read_contents(named):
        label = read_label(named[one.name].label)
        assert one.size == label.shape == (32, 48)
        assert one.pixels.tolist() == [int((label == value).sum()) for value in range(256)]
    files[0].label.write_bytes(b"")
    with pytest.raises(UserError, match=r"000000_10\.png"):
        read_contents(named)


def content(name, pixels, image, size=(2, 5)):
    """A frame of 10 pixels, of which the given ones have a class."""
    counts = np.zeros(256, np.int64)
    counts[list(pixels)] = list(pixels.values())
    counts[255] = 10 - counts.sum()
    return Content(name, size, counts, fingerprint(image))


@pytest.fixture
def splits():
    lighter = np.clip(SCENES[0].astype(int) + 6, 0, 255).astype(np.uint8)
    return {
        "train": [content("a", {0: 10}, SCENES[0]), content("b", {0: 2, 1: 4}, SCENES[1], (4, 4))],
        "test": [content("c", {1: 5}, lighter), content("d", {1: 5}, SCENES[1]), content("e", {0: 1, 2: 4}, SCENES[2])],
    }


def test_rows_are_those_of_counting_by_hand(splits):
    road, car, sky, bus = rows_by_class(splits, ["road", "car", "sky", "bus"])
    assert road == {"class": "road", "shares": pytest.approx([12 / 16, 1 / 15]), "frames": [2, 1]}
    assert car == {"class": "car", "shares": pytest.approx([4 / 16, 10 / 15]), "frames": [1, 2]}
    assert (sky["frames"], bus["frames"], bus["shares"]) == ([0, 1], [0, 0], [0, 0])
    assert rows_by_split(splits, 4) == [
        {"split": "train", "frames": 2, "labelled": pytest.approx(16 / 20)},
        {"split": "test", "frames": 3, "labelled": pytest.approx(15 / 30)},
    ]
    assert rows_by_size(splits) == [{"size": "2x5", "frames": 4}, {"size": "4x4", "frames": 1}]


def test_frames_that_are_there_twice_are_named(splits):
    """A validation frame may look like a test frame, which must not look like it."""
    expected = [
        {"tested": "d", "other": "b", "alike": "the same"},
        {"tested": "c", "other": "a", "alike": "nearly the same"},
    ]
    assert twins(splits) == expected
    assert twins({"test": splits["test"]}) == []
    splits["val"] = [content("f", {0: 1}, SCENES[0]), content("g", {0: 1}, SCENES[2])]
    expected[1:1] = [{"tested": "e", "other": "g", "alike": "the same"}]
    assert twins(splits) == [*expected, {"tested": "f", "other": "a", "alike": "the same"}]
