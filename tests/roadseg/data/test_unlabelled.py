"""Frames without labels: copied byte by byte, each with a label of 255, from one folder."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import write_picture

from roadseg.data import further, unlabelled
from roadseg.pipeline.errors import UserError


@pytest.fixture
def images(tmp_path):
    """A folder of two pictures of different sizes."""
    rng = np.random.default_rng(0)
    for name, size in (("b", (32, 48)), ("a", (40, 56))):
        write_picture(tmp_path / "images" / f"{name}.png", rng.integers(0, 256, (*size, 3), np.uint8))
    return tmp_path / "images"


def imported(source, folder, **options):
    unlabelled.import_images(source, folder, further.make_part(folder, "unlabelled"), **options)
    return folder / "also" / "unlabelled"


def test_each_gets_a_label_that_says_nothing(images, tmp_path):
    part = imported(images, tmp_path / "layout")
    for name, size in (("a", (40, 56)), ("b", (32, 48))):
        assert (part / "image" / f"{name}.png").read_bytes() == (images / f"{name}.png").read_bytes()
        label = cv2.imread(str(part / "label" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert label.shape == size
        assert (label == 255).all()
    assert len(list(part.rglob("*.png"))) == 4


@pytest.mark.parametrize("inside", ["", "testing/image_2"])
def test_from_an_archive_with_folders_above(images, tmp_path, inside):
    top = tmp_path / "packed" / "kitti"
    shutil.copytree(images, top / "testing" / "image_2")
    if inside:
        write_picture(top / "training" / "image_2" / "c.png", np.zeros((8, 8, 3), np.uint8))
    archive = Path(shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path / "packed"))
    part = imported(archive, tmp_path / "layout", inside=inside)
    assert sorted(path.name for path in (part / "image").iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("more/c.png", b"", r"its images lie in 2 folders \(\., more\); name a folder or archive with all images in"),
        ("c.txt", b"", r"c\.txt does not end in \.png, \.jpg, \.jpeg; convert it or move it away"),
        ("c.png", b"\x89PNG", r"images/c\.png "),
        ("a.jpg", b"", r"images/a\.png has the same stem as .*a\.jpg; keep one of them"),
    ],
)
def test_what_is_no_picture_is_refused(images, tmp_path, name, content, message):
    (images / name).parent.mkdir(exist_ok=True)
    (images / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        imported(images, tmp_path / "layout")


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(UserError, match="images: no file is in it; name a folder or archive with all images in one"):
        imported(tmp_path / "images", tmp_path / "layout")
