"""Pictures are known again after small changes, and different ones are told apart."""

import os
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from roadseg.data.fingerprints import Fingerprint, fingerprint, near_pictures, same_pictures
from roadseg.scenes.scene import render_scene

REAL = Path(os.environ.get("ROADSEG_REAL_DATA", "not given"), "data_semantics_32.zip")
SCENES = [render_scene(1, index, 96, 192)[0] for index in range(24)]


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
def test_a_changed_picture_is_near_the_one_that_it_was(change):
    changed = prints_of(map(change, SCENES))
    assert near_pictures(changed, prints_of(SCENES)) == [(i, i) for i in range(len(SCENES))]
    assert same_pictures(changed, prints_of(SCENES)) == []


def test_different_scenes_are_not_near():
    assert near_pictures(prints_of(SCENES[:12]), prints_of(SCENES[12:])) == []


@pytest.mark.skipif(not REAL.exists(), reason="ROADSEG_REAL_DATA names no folder with data_semantics_32.zip")
def test_different_real_frames_are_not_near():
    with zipfile.ZipFile(REAL) as archive:
        names = [name for name in archive.namelist() if "training/image_2/" in name and name.endswith(".png")]
        images = [cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR) for name in names]
    prints = prints_of(images)
    assert len(prints) == 32
    assert near_pictures(prints, prints) == [(i, i) for i in range(32)]
    for i in range(32):
        assert near_pictures(prints[i : i + 1], prints[:i] + prints[i + 1 :]) == []


def test_the_same_pixels_are_the_same_picture():
    some = prints_of([SCENES[3], SCENES[5], SCENES[7]])
    others = prints_of([SCENES[0], SCENES[5].copy(), SCENES[5], SCENES[3]])
    assert same_pictures(some, others) == [(0, 3), (1, 1)]


def test_the_same_values_in_another_shape_are_another_picture():
    image = np.zeros((4, 6, 3), np.uint8)
    assert fingerprint(image).pixels != fingerprint(image.reshape(6, 4, 3)).pixels


def test_flat_pictures_are_near_nothing():
    flat = prints_of([np.full((30, 40, 3), grey, np.uint8) for grey in (0, 99)])
    assert near_pictures(flat, flat) == near_pictures(flat, prints_of(SCENES)) == near_pictures([], []) == []


def test_five_thousand_frames_take_a_moment():
    looks = np.random.default_rng(0).integers(0, 2**64, (5000, 4), np.uint64)
    prints = [Fingerprint(look.tobytes(), look) for look in looks]
    begin = time.process_time()
    assert near_pictures(prints[:1000], prints[1000:]) == []
    assert time.process_time() - begin < 5
