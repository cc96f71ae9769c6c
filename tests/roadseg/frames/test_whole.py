"""Frames of any sizes come back in order and as they are in their files."""

import pickle
import shutil

import cv2
import numpy as np
import pytest
from conftest import write_picture

from roadseg.frames.files import frame_files
from roadseg.frames.resized import load_frames
from roadseg.frames.stored import load_stored
from roadseg.frames.whole import load_whole_frames
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Input

SIZES = {"a": (4, 8), "b": (7, 5), "c": (3, 11)}


@pytest.fixture
def files(tmp_path):
    random = np.random.default_rng(0)
    for stem, size in SIZES.items():
        write_picture(tmp_path / "image" / f"{stem}.png", random.integers(0, 256, (*size, 3), np.uint8))
        write_picture(tmp_path / "label" / f"{stem}.png", random.integers(0, 19, size, np.uint8))
    return frame_files(tmp_path, ["c", "a", "b"])


def check(frames, files):
    assert frames.sizes == [SIZES[stem] for stem in "cab"]
    assert len(frames) == 3
    for index, file in enumerate(files):
        image, label = frames[index]
        assert np.array_equal(image, cv2.imread(str(file.image))[..., ::-1])
        assert np.array_equal(label, cv2.imread(str(file.label), cv2.IMREAD_UNCHANGED))


def test_frames_are_as_in_their_files(files, tmp_path):
    check(load_whole_frames(files, tmp_path / "store"), files)
    check(load_whole_frames(files, tmp_path / "store"), files)  # found there
    assert len(list((tmp_path / "store" / "frames").glob("*/images"))) == 1


def test_a_changed_file_is_read_again(files, tmp_path):
    load_whole_frames(files, tmp_path / "store")
    write_picture(files[0].label, np.full(SIZES["c"], 5, np.uint8))
    check(load_whole_frames(files, tmp_path / "store"), files)


def test_a_process_that_gets_frames_handed_over_maps_them_too(files, tmp_path):
    handed_over = pickle.dumps(load_whole_frames(files, tmp_path / "store"))
    assert len(handed_over) < 300
    check(pickle.loads(handed_over), files)


def test_frames_that_are_gone_when_they_are_handed_over_are_none(files, tmp_path):
    handed_over = pickle.dumps(load_whole_frames(files, tmp_path / "store"))
    shutil.rmtree(tmp_path / "store")
    assert pickle.loads(handed_over) is None


def test_what_is_stored_is_not_made_again(files, tmp_path):
    made = []

    def prepare(image, label):
        made.append(label.shape)
        return image, label

    for _ in range(2):
        load_stored(files, ["any"], prepare, tmp_path / "store")
        assert len(made) == 3
    load_stored(files, ["other"], prepare, tmp_path / "store")
    assert len(made) == 6


def test_resized_frames_are_kept_apart(files, tmp_path):
    target = Input.model_construct(height=4, width=8, resize="area")
    assert load_frames(files, target, True, tmp_path / "store").labels.shape == (3, 4, 8)
    check(load_whole_frames(files, tmp_path / "store"), files)


def test_an_unreadable_file_is_reported(files, tmp_path):
    files[1].image.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.png is not a readable PNG or JPEG"):
        load_whole_frames(files, tmp_path / "store")


def test_no_frames_are_frames_too(tmp_path):
    assert len(load_whole_frames([], tmp_path)) == 0
