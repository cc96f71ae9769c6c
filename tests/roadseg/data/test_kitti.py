import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import picture_bytes, write_kitti

from roadseg.data import kitti, seg_data
from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError

REAL = Path(os.environ.get("ROADSEG_REAL_DATA", "not given"), "data_semantics_32.zip")


def numbered(*numbers: int) -> set[str]:
    return {f"{number:06d}_10" for number in numbers}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    folder = tmp_path / "layout"
    for part in ("training", "testing"):
        for kind in ("image", "label"):
            (folder / part / kind).mkdir(parents=True)
    return folder


def test_split_of_the_whole_archive() -> None:
    test = kitti.split_test(numbered(*range(200)))
    assert len(test) == 50
    assert len(kitti.KNOWN_TEST) == 22
    assert test > kitti.KNOWN_TEST
    assert numbered(3, 10, 183) < kitti.KNOWN_TEST


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
def test_split_of_fewer_frames(stems: set[str], test: set[str]) -> None:
    assert kitti.split_test(stems) == test


def test_import_frames(tmp_path: Path, layout: Path) -> None:
    ids = np.array([list(range(34)), [255] * 34], np.uint8)
    stems = [f"{number:06d}_10" for number in range(8)]
    archive = write_kitti(tmp_path / "data.zip", stems, ids)
    kitti.import_frames(archive, layout)
    assert seg_data.stems(layout, "testing") == ["000003_10", "000005_10"]
    assert seg_data.stems(layout, "training") == sorted(set(stems) - {"000003_10", "000005_10"})
    label = read_label(layout / "training/label/000000_10.png")
    row = [255] * 7 + [0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    assert label.tolist() == [[*row, 255, 255, 16, 17, 18], [255] * 34]
    with zipfile.ZipFile(archive) as members:
        image = members.read("training/image_2/000003_10.png")
    assert (layout / "testing/image/000003_10.png").read_bytes() == image


@pytest.mark.parametrize("value", [34, 40, 254])
def test_value_that_is_no_label_id(tmp_path: Path, layout: Path, value: int) -> None:
    archive = write_kitti(tmp_path / "data.zip", ["000001_10"], np.array([[7, value]], np.uint8))
    with pytest.raises(UserError, match=rf"000001_10\.png holds {value}; a KITTI label holds ids 0\.\.33 or 255"):
        kitti.import_frames(archive, layout)


def test_image_without_label(tmp_path: Path, layout: Path) -> None:
    archive = write_kitti(tmp_path / "data.zip", ["000001_10"])
    with zipfile.ZipFile(archive, "a") as members:
        members.writestr("training/image_2/000002_10.png", picture_bytes(np.zeros((2, 2, 3), np.uint8)))
    with pytest.raises(UserError, match=r"image_2/000002_10\.png has no label"):
        kitti.import_frames(archive, layout)


def test_another_archive(tmp_path: Path, layout: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as members:
        members.writestr("readme.md", "not KITTI")
    with pytest.raises(UserError, match=r"other\.zip: the folder training/image_2 is not in it"):
        kitti.import_frames(tmp_path / "other.zip", layout)


@pytest.mark.skipif(not REAL.exists(), reason="ROADSEG_REAL_DATA names no folder with data_semantics_32.zip")
def test_real_frames(layout: Path) -> None:
    kitti.import_frames(REAL, layout)
    assert (len(seg_data.stems(layout, "training")), len(seg_data.stems(layout, "testing"))) == (24, 8)
    assert seg_data.sizes(layout) == [(375, 1242)]
