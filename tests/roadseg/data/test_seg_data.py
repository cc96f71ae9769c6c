"""Frames are written whole or not at all, and each thing that is wrong with one or with all is a line."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import write_picture, write_seg_data
from PIL import Image

from roadseg.data import seg_data
from roadseg.data.own import find_frames
from roadseg.data.seg_data import Copied, check_all
from roadseg.data.survey import Fingerprint, fingerprint
from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.stage import replacing
from roadseg.scenes.scene import render_scene

REAL = Path(os.environ.get("ROADSEG_REAL_DATA", "not given"), "camvid_seg_data.zip")
GREY = np.zeros((32, 48), np.uint8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_seg_data(tmp_path / "mine")


def import_into(out: Path, source: Path) -> Path:
    with replacing(out) as folder:
        seg_data.make_layout(folder)
        seg_data.import_frames(source, folder, find_frames)
    return out


def test_import_of_a_folder(tmp_path: Path, source: Path) -> None:
    (source / "training/label/000000_10.png").rename(source / "training/label/000000_10.PNG")
    jpeg = cv2.imencode(".jpg", np.zeros((32, 48, 3), np.uint8))[1].tobytes()
    (source / "testing/image/000005_10.png").unlink()
    (source / "testing/image/000005_10.JPEG").write_bytes(jpeg)
    (source / "training/image/.DS_Store").write_bytes(b"junk")
    out = import_into(tmp_path / "data/seg_data", source)
    assert seg_data.stems(out, "training") == ["000000_10", "000001_10", "000002_10", "000003_10"]
    assert seg_data.stems(out, "testing") == ["000004_10", "000005_10"]
    assert (out / "testing/image/000005_10.jpeg").read_bytes() == jpeg
    image = "training/image/000001_10.png"
    assert (out / image).read_bytes() == (source / image).read_bytes()
    before = read_label(source / "training/label/000000_10.PNG")
    after = read_label(out / "training/label/000000_10.png")
    assert after.shape == (32, 48)
    assert np.array_equal(after, before)
    assert (out / "colors.txt").read_text().splitlines()[:2] == ["128 64 128", "244 35 232"]
    assert len((out / "names.txt").read_text().splitlines()) == 19


def test_names_in_two_unicode_forms_are_one(tmp_path: Path, source: Path) -> None:
    """macOS writes an accent as a letter of its own (NFD)."""
    for kind, name in (("image", "M\u00fcnchen.png"), ("label", "Mu\u0308nchen.png")):
        (source / "training" / kind / "000001_10.png").rename(source / "training" / kind / name)
    out = import_into(tmp_path / "out", source)
    assert "M\u00fcnchen" in seg_data.stems(out, "training")
    shutil.copy(source / "training/image/000002_10.png", source / "training/image" / "Mu\u0308nchen.png")
    with pytest.raises(UserError, match=r"has the same stem as training/image/.*; keep one of them"):
        import_into(tmp_path / "out", source)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path, source: Path) -> None:
    for kind in ("image", "label"):
        file = source / "testing" / kind / "000004_10.png"
        file.rename(os.fsdecode(os.fsencode(file.parent) + b"/Stra\xdfe.png"))
    with pytest.raises(UserError) as caught:
        import_into(tmp_path / "out", source)
    lines = str(caught.value).split("\n")
    remedy = "has a name that is not in UTF-8; rename it, and its partner"
    assert lines == [rf"{source}/testing/{kind}/Stra\xdfe.png {remedy}" for kind in ("image", "label")]


def test_sizes_may_differ(tmp_path: Path, source: Path) -> None:
    write_picture(source / "training/image/000000_10.png", np.zeros((7, 90, 3), np.uint8))
    write_picture(source / "training/label/000000_10.png", np.zeros((7, 90), np.uint8))
    assert seg_data.sizes(import_into(tmp_path / "out", source)) == [(7, 90), (32, 48)]


def label(picture: np.ndarray) -> Callable[[Path], None]:
    return lambda source: write_picture(source / "training/label/000001_10.png", picture)


def cut(name: str) -> Callable[[Path], int]:
    return lambda source: (source / name).write_bytes((source / name).read_bytes()[:-40])


def deep_image(source: Path) -> None:
    write_picture(source / "training/image/000001_10.png", np.zeros((32, 48, 3), np.uint16))


def image_twice(source: Path) -> None:
    shutil.copy(source / "training/image/000001_10.png", source / "training/image/000001_10.jpg")


def turned_image(source: Path) -> None:
    picture, exif = Image.new("RGB", (48, 32)), Image.Exif()
    exif[0x0112] = 6
    picture.save(source / "training/image/000001_10.png", exif=exif)


LABEL = "training/label/000001_10.png"
IMAGE = "training/image/000001_10.png"
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "image alone": (lambda s: (s / LABEL).unlink(), f"{IMAGE} has no label; add training/label/000001_10.png"),
    "label alone": (lambda s: (s / IMAGE).unlink(), f"{LABEL} has no image; add one to training/image"),
    "other size": (label(GREY[:31]), f"{LABEL} is 31x48, but its image 32x48; make them the same size"),
    "value 40": (label(GREY + 40), f"{LABEL} holds 40; save train ids: 0..18, and 255 for pixels without a class"),
    "nothing valid": (label(GREY + 255), f"{LABEL} has no pixel of any class; label it, or remove it"),
    "16 bits": (label(GREY.astype(np.uint16)), f"{LABEL} has 16 bits a pixel; save train ids with 8"),
    "cut label": (cut(LABEL), f"{LABEL} is not a readable PNG or JPEG; replace it, or remove it and its partner"),
    "cut image": (cut(IMAGE), f"{IMAGE} is not a readable PNG or JPEG; replace it"),
    "link back up": (
        lambda s: (s / "testing/image/up").symlink_to(".."),
        "up/ can't be entered, or is a link back to a",
    ),
    "deep image": (deep_image, f"{IMAGE} has 16 bits a channel; save it with 8"),
    "turned image": (turned_image, f"{IMAGE} is to be turned when shown (its EXIF data says so); save it upright"),
    "text": (lambda s: (s / "training/image/notes.md").write_text("x"), "notes.md does not end in .png, .jpg, .jpeg"),
    "sub-folder": (lambda s: write_picture(s / "testing/label/old/a.png", GREY), "old/a.png is in a sub-folder; move"),
    "twice": (image_twice, f"{IMAGE} has the same stem as training/image/000001_10.jpg; keep one of them"),
    "no frames": (
        lambda s: shutil.rmtree(s / "training"),
        "mine has frames in no layout that is known: training/image + training/label; ",
    ),
}


@pytest.mark.parametrize(("spoil", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_reported_in_a_line(
    tmp_path: Path, source: Path, spoil: Callable[[Path], object], line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data/seg_data"
    spoil(source)
    with pytest.raises(UserError) as caught:
        import_into(out, source)
    message = str(caught.value)
    assert line in message
    assert "\n" not in message
    assert message.startswith(str(source))
    assert list(out.parent.iterdir()) == []
    assert capfd.readouterr().err == ""
    shutil.rmtree(source)
    write_seg_data(source)
    assert len(seg_data.stems(import_into(out, source), "training")) == 4


def test_all_problems_at_once(tmp_path: Path, source: Path) -> None:
    label(GREY + 40)(source)
    (source / "testing/label/000005_10.png").unlink()
    with pytest.raises(UserError) as caught:
        import_into(tmp_path / "out", source)
    first, second = str(caught.value).split("\n")
    assert "testing/image/000005_10.png has no label" in first
    assert "training/label/000001_10.png holds 40" in second


def test_only_ten_problems_are_shown(tmp_path: Path) -> None:
    source = write_seg_data(tmp_path / "mine", train=20)
    for number in range(13):
        (source / f"training/label/{number:06d}_10.png").unlink()
    with pytest.raises(UserError) as caught:
        import_into(tmp_path / "out", source)
    lines = str(caught.value).split("\n")
    assert len(lines) == 11
    assert "training/image/000009_10.png has no label" in lines[9]
    assert lines[10] == "and 3 more"


PRINTS = [fingerprint(render_scene(2, index, 64, 128)[0]) for index in range(4)]


def frame(part: str, number: int, known_by: Fingerprint, values: tuple[int, ...] = (0, 1, 2, 255)) -> Copied:
    return Copied(part, f"mine/{part}/image/{number}.png", frozenset(values), known_by)


def changed(known_by: Fingerprint, bits: int) -> Fingerprint:
    assert known_by.look is not None
    look = known_by.look.copy()
    look[0] ^= np.uint64(2**bits - 1)
    return Fingerprint(b"other pixels", look)


NAMES = ("road", "sidewalk", "building")


def test_nothing_is_told_of_different_frames_or_of_one_that_is_twice_in_one_part() -> None:
    frames = [frame("training", i, PRINTS[k]) for i, k in enumerate((0, 1, 1))] + [frame("testing", 3, PRINTS[2])]
    assert check_all(frames, "mine", False, NAMES) == []
    assert check_all(frames, "mine", False, (*NAMES, "wall", "fence")) == ["no training label holds wall, fence"]


def test_leaks_are_refused_a_line_each_or_allowed() -> None:
    frames = [frame(part, number, PRINTS[number]) for part in seg_data.PARTS for number in range(4)]
    with pytest.raises(UserError) as caught:
        check_all(frames, "mine", False, NAMES)
    lines = str(caught.value).split("\n")
    assert len(lines) == 4
    assert lines[1] == (
        "mine/testing/image/1.png is the same picture as mine/training/image/1.png; a frame that is trained on can't "
        "be tested on: remove one of them, or set data.allow_leak to true"
    )
    pairs = [f"mine/testing/image/{number}.png and mine/training/image/{number}.png" for number in range(3)]
    told = f"4 frames for testing are trained on as well: {', '.join(pairs)}, ..."
    assert check_all(frames, "mine", True, NAMES) == [told]


@pytest.mark.parametrize(("bits", "near"), [(1, True), (24, True), (25, False), (64, False)])
def test_near_frames_are_told(bits: int, near: bool) -> None:
    frames = [frame("training", 0, PRINTS[0]), frame("testing", 1, changed(PRINTS[0], bits))]
    names = "mine/testing/image/1.png and mine/training/image/0.png"
    told = f"1 frame for testing is nearly the same as one for training: {names}"
    assert check_all(frames, "mine", False, NAMES) == [told] * near


def test_masks_of_all_training_labels_are_refused_and_two_values_told_what_they_mean() -> None:
    masks = [frame("training", 0, PRINTS[0], (0, 255)), frame("training", 1, PRINTS[1], (0,))]
    with pytest.raises(UserError, match=r"mine/training: all labels hold 0 and 255 alone, .*: binary_road; if not"):
        check_all(masks, "mine", True, NAMES)
    check_all([*masks, frame("training", 2, PRINTS[2], (0, 2, 255))], "mine", True, NAMES)
    told = "all training labels hold 0 and 1 alone: to this project 0 is road and 1 is sidewalk"
    assert check_all([frame("training", 0, PRINTS[0], (0, 1))], "mine", False, NAMES)[0] == told
    assert told not in check_all([frame("training", 0, PRINTS[0], (0, 1, 255))], "mine", False, NAMES)
    assert check_all([frame("training", 0, PRINTS[0], (0, 1))], "mine", False, NAMES[:2]) == []


@pytest.mark.skipif(not REAL.exists(), reason="ROADSEG_REAL_DATA names no folder with camvid_seg_data.zip")
def test_real_frames(tmp_path: Path) -> None:
    out = import_into(tmp_path / "out", REAL)
    assert (len(seg_data.stems(out, "training")), len(seg_data.stems(out, "testing"))) == (367, 101)
    assert seg_data.sizes(out) == [(360, 480)]
