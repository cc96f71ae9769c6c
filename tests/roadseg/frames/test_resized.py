"""Frames come back in order, resized by the rule asked for, with the sizes that they had."""

import errno
import os
import pickle
import shutil
import time

import cv2
import numpy as np
import pytest
from conftest import write_picture, write_seg_data

from roadseg.frames import resized
from roadseg.frames.files import frame_files
from roadseg.frames.resized import Frames, load_frames
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Input


@pytest.fixture
def one_frame(tmp_path):
    """Vertical stripes of two columns, black and white, over a label whose left half is 3."""
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, [1, 3, 5, 7]] = 255
    label = np.full((4, 8), 9, np.uint8)
    label[:, :4] = 3
    write_picture(tmp_path / "image" / "a.png", image)
    write_picture(tmp_path / "label" / "a.png", label)
    return frame_files(tmp_path, ["a"])


def load(files, height, width, rule, store, training=True):
    """Load frames at sizes that are too small for a network."""
    return load_frames(files, Input.model_construct(height=height, width=width, resize=rule), training, store)


@pytest.mark.parametrize(
    ("rule", "training", "grey"),
    [("area", True, 128), ("area", False, 128), ("linear", True, 128), ("study", True, 0), ("study", False, 128)],
)
def test_halving_by_each_rule(one_frame, rule, training, grey, tmp_path):
    """The study's rule is nearest neighbour for training, which takes the black stripes, and linear for testing."""
    frames = load(one_frame, 2, 4, rule, tmp_path, training)
    assert np.abs(frames.images.astype(int) - grey).max() <= 1
    assert frames.labels[0].tolist() == [[3, 3, 9, 9]] * 2
    assert frames.sizes == [(4, 8)]


def test_the_study_shrinks_test_frames_by_another_rule():
    assert {rule: resized.testing_rule(rule) for rule in ("area", "linear", "study")} == {
        "area": "area",
        "linear": "linear",
        "study": "linear",
    }


def test_area_is_the_mean_of_what_each_pixel_covers(one_frame, tmp_path):
    frames = load(one_frame, 1, 2, "area", tmp_path)
    assert np.abs(frames.images.astype(int) - 127.5).max() <= 0.5


def test_frames_keep_the_order_asked_for(tmp_path):
    folder = write_seg_data(tmp_path, train=4, val=0, test=0, height=32, width=64) / "training"
    stems = ["000002_10", "000000_10"]
    frames = load(frame_files(folder, stems), 32, 64, "area", tmp_path / "store")
    for stem, image, label in zip(stems, frames.images, frames.labels, strict=True):
        assert np.array_equal(image, cv2.imread(str(folder / "image" / f"{stem}.png"))[..., ::-1])
        assert np.array_equal(label, cv2.imread(str(folder / "label" / f"{stem}.png"), cv2.IMREAD_UNCHANGED))


def test_a_missing_frame_is_reported(one_frame, tmp_path):
    with pytest.raises(UserError, match="has no picture b; run `dvc repro fetch_data`"):
        frame_files(tmp_path, ["a", "b"])


def test_what_is_stored_is_mapped_again_and_never_out_of_date(one_frame, tmp_path):
    store = tmp_path / "store"
    first = load(one_frame, 2, 4, "area", store)
    again = load(one_frame, 2, 4, "area", store)
    assert again.folder == first.folder
    assert isinstance(again.images, np.memmap)
    others = [load(one_frame, *how, store) for how in ((1, 4, "area"), (2, 4, "linear"))]
    write_picture(one_frame[0].label, np.full((4, 8), 5, np.uint8))
    relabelled = load(one_frame, 2, 4, "area", store)
    assert relabelled.labels.tolist() == [[[5] * 4] * 2]
    assert len({frames.folder for frames in (first, *others, relabelled)}) == 4


def test_a_process_that_gets_frames_handed_over_maps_them_too(one_frame, tmp_path):
    frames = load(one_frame, 2, 4, "area", tmp_path)
    handed_over = pickle.dumps(frames)
    assert len(handed_over) < 500
    copy = pickle.loads(handed_over)
    assert isinstance(copy.images, np.memmap)
    assert np.array_equal(copy.images, frames.images)
    in_memory = Frames(np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 2, 2), np.uint8), [(2, 2)])
    assert np.array_equal(pickle.loads(pickle.dumps(in_memory)).images, in_memory.images)


def test_frames_that_are_gone_when_they_are_handed_over_are_none(one_frame, tmp_path):
    handed_over = pickle.dumps(load(one_frame, 64, 96, "area", tmp_path / "store"))
    shutil.rmtree(tmp_path / "store")
    assert pickle.loads(handed_over) is None


def test_a_failure_leaves_nothing_and_old_frames_go(one_frame, tmp_path, monkeypatch):
    old = load(one_frame, 2, 4, "area", tmp_path).folder
    month_ago = time.time() - 31 * 24 * 3600
    os.utime(old, (month_ago, month_ago))
    one_frame[0].image.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.png is not a readable PNG or JPEG"):
        load(one_frame, 2, 4, "area", tmp_path)
    assert [path.suffix for path in (tmp_path / "frames").iterdir()] == [".lock"]


def test_a_full_disk_is_an_error(one_frame, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("roadseg.frames.stored._write", full)
    with pytest.raises(OSError, match="No space left"):
        load(one_frame, 2, 4, "area", tmp_path)
    assert [path.suffix for path in (tmp_path / "frames").iterdir()] == [".lock"]


def test_what_a_power_failure_cut_short_is_written_again(one_frame, tmp_path):
    folder = load(one_frame, 2, 4, "area", tmp_path).folder
    images = folder / "images"
    whole = images.read_bytes()
    images.write_bytes(whole[:-3])
    assert load(one_frame, 2, 4, "area", tmp_path).folder == folder
    assert images.read_bytes() == whole


@pytest.mark.parametrize("name", ["images", "labels"])
def test_what_was_damaged_on_the_disk_is_written_again(one_frame, tmp_path, name):
    frames = load(one_frame, 2, 4, "area", tmp_path)
    file, right = frames.folder / name, (frames.folder / name).read_bytes()
    del frames
    file.write_bytes(right[:-2] + bytes(255 - byte for byte in right[-2:]))  # as long as before
    again = load(one_frame, 2, 4, "area", tmp_path)
    assert again.folder == file.parent
    assert file.read_bytes() == right


def test_checksums_that_are_damaged_themselves_are_written_again(one_frame, tmp_path):
    folder = load(one_frame, 2, 4, "area", tmp_path).folder
    right = (folder / "content.json").read_text()
    for wrong in ("", "{}", right[:-9], right.replace("sha256", "sha")):
        (folder / "content.json").write_text(wrong)
        load(one_frame, 2, 4, "area", tmp_path)
        assert (folder / "content.json").read_text() == right


def test_a_store_that_cannot_be_written_is_reported(one_frame, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"file/frames can't be written; set ROADSEG_STORE to a writable folder"):
        load(one_frame, 2, 4, "area", tmp_path / "file")


def test_no_frames_are_frames_too(tmp_path):
    assert load([], 2, 4, "area", tmp_path).images.shape == (0, 2, 4, 3)
