import io
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
from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.stage import replacing

REAL = Path(os.environ.get("ROADSEG_REAL_DATA", "not given"), "camvid_seg_data.zip")
GREY = np.zeros((32, 48), np.uint8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_seg_data(tmp_path / "mine")


def import_into(out: Path, source: Path) -> Path:
    with replacing(out) as folder:
        seg_data.make_layout(folder)
        seg_data.import_frames(source, folder)
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


@pytest.mark.parametrize("top", ["", "seg_data"])
def test_import_of_a_zip(tmp_path: Path, source: Path, top: str) -> None:
    shutil.copytree(source, tmp_path / "packed" / top, dirs_exist_ok=True)
    archive = shutil.make_archive(str(tmp_path / "mine"), "zip", tmp_path / "packed")
    out = import_into(tmp_path / "out", Path(archive))
    for part in seg_data.PARTS:
        assert seg_data.stems(out, part) == sorted(file.stem for file in (source / part / "image").iterdir())


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


def test_black_and_white_masks_are_refused(tmp_path: Path, source: Path) -> None:
    for file in (source / "training/label").iterdir():
        write_picture(file, np.where(read_label(file) == 0, 255, 0).astype(np.uint8))
    with pytest.raises(
        UserError, match=r"mine/training: all labels hold 0 and 255 alone, .* choose classes: binary_road"
    ):
        import_into(tmp_path / "out", source)
    label(GREY + 2)(source)
    import_into(tmp_path / "out", source)


def test_a_frame_in_both_parts_is_refused(tmp_path: Path, source: Path) -> None:
    """The picture is the same, pixel for pixel, in another file of another name."""
    picture = cv2.imread(str(source / "training/image/000001_10.png"))
    assert picture is not None
    cv2.imwrite(str(source / "testing/image/000005_10.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 0])
    with pytest.raises(UserError) as caught:
        import_into(tmp_path / "out", source)
    assert str(caught.value) == (
        f"{source}/testing/image/000005_10.png is the same picture as {source}/training/image/000001_10.png; a frame "
        "that is trained on can't be tested on: remove one of them, or set data.allow_leak to true"
    )


def test_sizes_may_differ(tmp_path: Path, source: Path) -> None:
    write_picture(source / "training/image/000000_10.png", np.zeros((7, 90, 3), np.uint8))
    write_picture(source / "training/label/000000_10.png", np.zeros((7, 90), np.uint8))
    assert seg_data.sizes(import_into(tmp_path / "out", source)) == [(7, 90), (32, 48)]


def label(picture: np.ndarray) -> Callable[[Path], None]:
    return lambda source: write_picture(source / "training/label/000001_10.png", picture)


def pillow_label(mode: str) -> Callable[[Path], None]:
    return lambda source: Image.new(mode, (48, 32)).save(source / "training/label/000001_10.png")


def cut(name: str) -> Callable[[Path], int]:
    return lambda source: (source / name).write_bytes((source / name).read_bytes()[:-40])


def cut_by(file: Path, lost: int) -> None:
    file.write_bytes(file.read_bytes()[:-lost])


def pipe(source: Path) -> None:
    (source / IMAGE).unlink()
    os.mkfifo(source / IMAGE)


def device(source: Path) -> None:
    (source / LABEL).unlink()
    (source / LABEL).symlink_to("/dev/zero")


def broken_link(source: Path) -> None:
    (source / IMAGE).unlink()
    (source / IMAGE).symlink_to("nowhere.png")


def deep_image(source: Path) -> None:
    write_picture(source / "training/image/000001_10.png", np.zeros((32, 48, 3), np.uint16))


def image_twice(source: Path) -> None:
    shutil.copy(source / "training/image/000001_10.png", source / "training/image/000001_10.jpg")


def turned_image(source: Path) -> None:
    picture, exif = Image.new("RGB", (48, 32)), Image.Exif()
    exif[0x0112] = 6
    picture.save(source / "training/image/000001_10.png", exif=exif)


def jpeg_label(source: Path) -> None:
    data = io.BytesIO()
    Image.new("L", (48, 32)).save(data, "JPEG")
    (source / "training/label/000001_10.png").write_bytes(data.getvalue())


LABEL = "training/label/000001_10.png"
IMAGE = "training/image/000001_10.png"
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "image alone": (lambda s: (s / LABEL).unlink(), f"{IMAGE} has no label; add training/label/000001_10.png"),
    "label alone": (lambda s: (s / IMAGE).unlink(), f"{LABEL} has no image; add one to training/image"),
    "other size": (label(GREY[:31]), f"{LABEL} is 31x48, but its image 32x48; make them the same size"),
    "value 40": (label(GREY + 40), f"{LABEL} holds 40; save train ids: 0..18, and 255 for pixels without a class"),
    "value 19": (label(GREY + 19), f"{LABEL} holds 19; save train ids"),
    "nothing valid": (label(GREY + 255), f"{LABEL} has no pixel of any class; label it, or remove it"),
    "16 bits": (label(GREY.astype(np.uint16)), f"{LABEL} has 16 bits a pixel; save train ids with 8"),
    "1 bit": (pillow_label("1"), f"{LABEL} has 1 bits a pixel; save train ids with 8"),
    "colours": (pillow_label("RGB"), f"{LABEL} has 3 channels; save train ids as one grey channel"),
    "palette": (pillow_label("P"), f"{LABEL} is a palette PNG; save train ids as grey values"),
    "JPEG label": (jpeg_label, f"{LABEL} is a JPEG, which alters values; save train ids as a grey PNG"),
    "cut label": (cut(LABEL), f"{LABEL} is not a readable PNG or JPEG; replace it, or remove it and its partner"),
    "cut image": (cut(IMAGE), f"{IMAGE} is not a readable PNG or JPEG; replace it"),
    "empty image": (lambda s: (s / IMAGE).write_bytes(b""), f"{IMAGE} is not a readable PNG or JPEG; replace it"),
    "last byte lost": (lambda s: cut_by(s / IMAGE, 1), f"{IMAGE} is not a readable PNG or JPEG; replace it"),
    "pipe": (pipe, f"{IMAGE} is a named pipe, not a file; put a file there, or remove it"),
    "device": (device, f"{LABEL} is a device, not a file; put a file there, or remove it"),
    "broken link": (broken_link, f"{IMAGE} is a broken link to nowhere.png; repair it, or remove it"),
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


def test_no_frame_for_testing(tmp_path: Path, source: Path) -> None:
    shutil.rmtree(source / "testing")
    out = import_into(tmp_path / "out", source)
    with pytest.raises(UserError, match=r"no frame for testing; .* at least one for training and one for testing"):
        seg_data.stems(out, "testing")


def test_two_layouts_in_one_source(tmp_path: Path, source: Path) -> None:
    shutil.copytree(source, tmp_path / "both/a")
    shutil.copytree(source, tmp_path / "both/b")
    with pytest.raises(UserError, match=r"has training/image \+ training/label 2 times \(a/, b/\); name one of these"):
        import_into(tmp_path / "out", tmp_path / "both")


@pytest.mark.skipif(not REAL.exists(), reason="ROADSEG_REAL_DATA names no folder with camvid_seg_data.zip")
def test_real_frames(tmp_path: Path) -> None:
    out = import_into(tmp_path / "out", REAL)
    assert (len(seg_data.stems(out, "training")), len(seg_data.stems(out, "testing"))) == (367, 101)
    assert seg_data.sizes(out) == [(360, 480)]
