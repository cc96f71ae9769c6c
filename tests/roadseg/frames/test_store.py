"""Frames come back in order, whole or resized by the rule asked for, from a cache that is never out of date."""

import errno
import os
import pickle
import shutil
import time

import cv2
import numpy as np
import pytest
from conftest import write_picture

from roadseg.frames.files import frame_files
from roadseg.frames.store import Frames, load_cached, load_frames, load_whole_frames, resize_rule
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Input

SIZES = {"a": (4, 8), "b": (7, 5), "c": (3, 11)}


@pytest.fixture
def one_frame(tmp_path):
    """Vertical stripes of two columns, black and white, over a label whose left half is 3."""
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, [1, 3, 5, 7]] = 255
    write_picture(tmp_path / "one" / "image" / "a.png", image)
    write_picture(tmp_path / "one" / "label" / "a.png", np.array([[3, 3, 3, 3, 9, 9, 9, 9]] * 4, np.uint8))
    return frame_files(tmp_path / "one", ["a"])


@pytest.fixture
def files(tmp_path):
    """Frames of the sizes of SIZES, in the order c, a, b."""
    random = np.random.default_rng(0)
    for stem, size in SIZES.items():
        write_picture(tmp_path / "image" / f"{stem}.png", random.integers(0, 256, (*size, 3), np.uint8))
        write_picture(tmp_path / "label" / f"{stem}.png", random.integers(0, 19, size, np.uint8))
    return frame_files(tmp_path, ["c", "a", "b"])


def load(files, store, height=2, width=4, rule="area", training=True):
    """Load frames at sizes that are too small for a network."""
    return load_frames(files, Input.model_construct(height=height, width=width, resize=rule), training, store)


def check_whole(frames, files):
    assert frames.sizes == [SIZES[stem] for stem in "cab"]
    assert len(frames) == 3
    for index, file in enumerate(files):
        image, label = frames[index]
        assert np.array_equal(image, cv2.imread(str(file.image))[..., ::-1])
        assert np.array_equal(label, cv2.imread(str(file.label), cv2.IMREAD_UNCHANGED))


@pytest.mark.parametrize(
    ("rule", "training", "grey"),
    [("area", True, 128), ("area", False, 128), ("linear", True, 128), ("study", True, 0), ("study", False, 128)],
)
def test_halving_by_each_rule(one_frame, rule, training, grey, tmp_path):
    """The study's rule is nearest neighbour for training, which takes the black stripes, and linear for testing."""
    frames = load(one_frame, tmp_path, rule=rule, training=training)
    assert np.abs(frames.images.astype(int) - grey).max() <= 1
    assert frames.labels[0].tolist() == [[3, 3, 9, 9]] * 2
    assert frames.sizes == [(4, 8)]
    assert resize_rule(rule, training) == {0: "nearest", 128: "linear" if rule == "study" else rule}[grey]


def test_whole_frames_are_as_in_their_files_and_apart_from_resized_ones(files, tmp_path):
    store = tmp_path / "store"
    assert load(files, store).images.shape == (3, 2, 4, 3)
    for _ in range(2):  # made, then found
        check_whole(load_whole_frames(files, store), files)
    assert len(list((store / "frames").glob("*/images"))) == 2
    write_picture(files[0].label, np.full(SIZES["c"], 5, np.uint8))
    check_whole(load_whole_frames(files, store), files)


def test_no_frames_are_frames_too(tmp_path):
    assert load([], tmp_path).images.shape == (0, 2, 4, 3)
    assert len(load_whole_frames([], tmp_path)) == 0


def test_what_is_cached_is_mapped_again_and_never_out_of_date(one_frame, tmp_path):
    first, again = load(one_frame, tmp_path), load(one_frame, tmp_path)
    assert again.folder == first.folder
    assert isinstance(again.images, np.memmap)
    others = [load(one_frame, tmp_path, height=1), load(one_frame, tmp_path, rule="linear")]
    write_picture(one_frame[0].label, np.full((4, 8), 5, np.uint8))
    relabelled = load(one_frame, tmp_path)
    assert relabelled.labels.tolist() == [[[5] * 4] * 2]
    assert len({frames.folder for frames in (first, *others, relabelled)}) == 4


def test_what_is_cached_is_not_made_again(files, tmp_path):
    made = []

    def prepare(image, label):
        made.append(label.shape)
        return image, label

    for recipe, expected in (("any", 3), ("any", 3), ("other", 6)):
        load_cached(files, [recipe], prepare, tmp_path / "store")
        assert len(made) == expected


def test_a_process_that_gets_frames_handed_over_maps_them_too(files, tmp_path):
    handed_over = [pickle.dumps(frames) for frames in (load(files, tmp_path), load_whole_frames(files, tmp_path))]
    assert max(map(len, handed_over)) < 500
    resized, whole = map(pickle.loads, handed_over)
    assert isinstance(resized.images, np.memmap)
    assert np.array_equal(resized.images, load(files, tmp_path).images)
    check_whole(whole, files)
    shutil.rmtree(tmp_path / "frames")
    assert [pickle.loads(frames) for frames in handed_over] == [None, None]
    in_memory = Frames(np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 2, 2), np.uint8), [(2, 2)])
    assert np.array_equal(pickle.loads(pickle.dumps(in_memory)).images, in_memory.images)


def test_a_failure_leaves_nothing_and_old_frames_are_evicted(one_frame, tmp_path):
    old = load(one_frame, tmp_path).folder
    month_ago = time.time() - 31 * 24 * 3600
    os.utime(old, (month_ago, month_ago))
    one_frame[0].image.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.png is not a readable PNG or JPEG"):
        load(one_frame, tmp_path)
    assert [path.suffix for path in (tmp_path / "frames").iterdir()] == [".lock"]


def test_a_full_disk_is_an_error(one_frame, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("roadseg.frames.store._write", full)
    with pytest.raises(OSError, match="No space left"):
        load(one_frame, tmp_path)
    assert [path.suffix for path in (tmp_path / "frames").iterdir()] == [".lock"]


def test_a_store_that_cannot_be_written_is_reported(one_frame, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"file/frames can't be written; set ROADSEG_STORE to a writable folder"):
        load(one_frame, tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("images", lambda right: right[:-3]),  # as a power failure may leave it
        ("images", lambda right: right[:-2] + bytes(255 - byte for byte in right[-2:])),
        ("labels", lambda right: right[:-2] + bytes(255 - byte for byte in right[-2:])),
        ("content.json", lambda _: b""),
        ("content.json", lambda _: b"{}"),
        ("content.json", lambda right: right[:-9]),
        ("content.json", lambda right: right.replace(b"sha256", b"sha")),
    ],
)
def test_what_was_damaged_on_the_disk_is_written_again(one_frame, tmp_path, name, damage):
    file = load(one_frame, tmp_path).folder / name
    right = file.read_bytes()
    file.write_bytes(damage(right))
    assert load(one_frame, tmp_path).folder == file.parent
    assert file.read_bytes() == right
