import copy
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from conftest import PARAMS, ROOT, FileServer, write_kitti, write_picture, write_seg_data

import fetch_data
from roadseg.data import download
from roadseg.pipeline.stage import run

STEMS = [f"{number:06d}_10" for number in range(8)]  # 000003 is known to be a test frame, 000005 is the next by rank


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder to run the stage in, with a store of its own."""
    monkeypatch.setattr(download, "PAUSES", ())
    monkeypatch.setenv("ROADSEG_STORE", str(tmp_path / "store"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def set_params(source: str, **section: Any) -> None:
    """Write params.yaml as it is in the project, but with this source and these values in its section."""
    params = copy.deepcopy(PARAMS)
    params["data"]["source"] = source
    params["data"][source].update(section)
    Path("params.yaml").write_text(yaml.safe_dump(params))


def fails() -> str:
    """Run the stage; give the line it ends with, having seen that nothing is left."""
    with pytest.raises(SystemExit) as caught:
        run(fetch_data.main)
    line = str(caught.value.code)
    assert line.startswith("error: ")
    assert "\n" not in line
    assert not Path("data").exists() or list(Path("data").iterdir()) == []
    return line


def splits() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(Path("data/seg_data/splits.json").read_text())
    return found


def digests() -> dict[str, str]:
    files = (file for file in sorted(Path("data/seg_data").rglob("*")) if file.is_file())
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_synthetic(capsys: pytest.CaptureFixture[str]) -> None:
    set_params("synthetic", train_frames=4, test_frames=2, height=64, width=160, seed=5)
    fetch_data.main()
    assert splits() == {"train": STEMS[1:4], "val": STEMS[:1], "test": STEMS[4:6]}
    image = cv2.imread("data/seg_data/testing/image/000005_10.jpg")
    label = cv2.imread("data/seg_data/testing/label/000005_10.png", cv2.IMREAD_UNCHANGED)
    assert image is not None
    assert image.shape == (64, 160, 3)
    assert label is not None
    assert label.shape == (64, 160)
    line = "data/seg_data: 3 train, 1 val, 2 test frames of 64x160, from generated scenes (seed 5)\n"
    assert capsys.readouterr().out == line
    first = digests()
    fetch_data.main()
    assert digests() == first
    assert len(first) == 2 * 6 + 3
    set_params("synthetic", train_frames=4, test_frames=2, height=64, width=160, seed=6)
    fetch_data.main()
    assert digests() != first


def test_kitti(http_server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    archive = write_kitti(http_server.root / "data.zip", STEMS)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    set_params("kitti", url=f"{http_server.url}/data.zip", sha256=digest)
    fetch_data.main()
    assert splits()["test"] == [STEMS[3], STEMS[5]]
    assert splits()["val"] == [STEMS[0]]
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith(f"data.zip: sha256 {digest}")
    assert out[-1] == f"data/seg_data: 5 train, 1 val, 2 test frames of 8x16, from {http_server.url}/data.zip"
    archive.unlink()
    fetch_data.main()
    assert len(http_server.asked) == 1


def test_kitti_missing_archive(http_server: FileServer) -> None:
    set_params("kitti", url=f"{http_server.url}/data.zip")
    line = fails()
    assert "404 Not Found; download it by hand and put it at " in line
    write_kitti(Path(line.rpartition(" put it at ")[2]), STEMS)
    fetch_data.main()
    assert len(splits()["train"]) == 5


def test_kitti_truncated_zip(http_server: FileServer) -> None:
    archive = write_kitti(http_server.root / "data.zip", STEMS)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    set_params("kitti", url=f"{http_server.url}/data.zip")
    line = fails()
    assert "data.zip: what came: damaged, or not a zip archive (File is not a zip file); " in line
    assert "; deleted it; run again, or download it by hand and put it at " in line
    archive.write_bytes(whole)
    fetch_data.main()


def test_seg_data_folder_zip_and_tar(tmp_path: Path) -> None:
    mine = write_seg_data(tmp_path / "mine", train=6, val=4, test=2)
    set_params("seg_data", path=str(mine))
    fetch_data.main()
    assert [len(names) for names in splits().values()] == [9, 1, 2]
    first = digests()
    for form in ("zip", "gztar"):
        set_params("seg_data", path=shutil.make_archive(str(tmp_path / "packed"), form, mine))
        fetch_data.main()
        assert digests() == first


def test_cityscapes_and_mapillary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for split, name in (("train", "ulm_1"), ("train", "ulm_2"), ("val", "bonn_1"), ("test", "rome_1")):
        frame = f"{split}/{name[:-2]}/{name}"
        picture = rng.integers(0, 256, (8, 8, 3), np.uint8)
        write_picture(tmp_path / f"city/leftImg8bit/{frame}_leftImg8bit.png", picture)
        write_picture(tmp_path / f"city/gtFine/{frame}_gtFine_labelIds.png", np.full((8, 8), 7, np.uint8))
    for split, name in (("training", "a"), ("training", "b"), ("validation", "c")):
        write_picture(tmp_path / f"vistas/{split}/images/{name}.png", rng.integers(0, 256, (8, 8, 3), np.uint8))
        write_picture(tmp_path / f"vistas/{split}/labels/{name}.png", np.zeros((8, 8), np.uint8))
    (tmp_path / "vistas/config.json").write_text('{"labels": [{"name": "nature--sky"}]}')
    for source, folder, names in (("cityscapes", "city", ["ulm_1", "ulm_2"]), ("mapillary", "vistas", ["a", "b"])):
        set_params(source, path=str(tmp_path / folder))
        fetch_data.main()
        assert sorted(splits()["train"] + splits()["val"]) == names
        assert capsys.readouterr().out.endswith(f"1 train, 1 val, 1 test frames of 8x8, from {tmp_path / folder}\n")
    set_params("mapillary", path=str(tmp_path / "city"))
    with pytest.raises(SystemExit, match=f"^error: {tmp_path}/city: the folder training/images is not in it or empty;"):
        run(fetch_data.main)
    assert splits()["test"] == ["c"]


def test_seg_data_may_be_the_output_itself() -> None:
    write_seg_data(Path("data/seg_data"))
    set_params("seg_data", path="data/seg_data")
    fetch_data.main()
    assert len(splits()["test"]) == 2


def test_seg_data_of_an_unknown_user() -> None:
    set_params("seg_data", path="~nobody-of-this-name/frames")
    assert "data.seg_data.path: ~nobody-of-this-name/frames begins with a user who isn't known here" in fails()


def test_the_same_frame_in_training_and_testing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = write_seg_data(tmp_path / "mine")
    for kind in ("image", "label"):
        shutil.copy(mine / f"training/{kind}/000001_10.png", mine / f"testing/{kind}/again.png")
    set_params("seg_data", path=str(mine))
    again, first = f"{mine}/testing/image/again.png", f"{mine}/training/image/000001_10.png"
    assert fails().startswith(
        f"error: {again} is the same picture as {first}; a frame that is trained on can't be tested"
    )
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["data"]["allow_leak"] = True
    Path("params.yaml").write_text(yaml.safe_dump(params))
    fetch_data.main()
    note, *_, counts = capsys.readouterr().out.splitlines()
    assert note == f"note: 1 frame for testing is trained on as well: {again} and {first}"
    assert counts.startswith("data/seg_data: 3 train, 1 val, 3 test frames of 32x48")


def test_too_few_frames(tmp_path: Path) -> None:
    set_params("seg_data", path=str(write_seg_data(tmp_path / "mine", test=0)))
    assert "there is no frame for testing" in fails()


def test_no_space_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_params("seg_data", path=str(write_seg_data(tmp_path / "mine")))

    def write_bytes(self: Path, _: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", write_bytes)
        assert "No space left on device" in fails()
    fetch_data.main()


@pytest.mark.slow
def test_as_a_script(tmp_path: Path) -> None:
    set_params("seg_data", path=str(tmp_path / "mine"))
    command = [sys.executable, str(ROOT / "src/fetch_data.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"error: {tmp_path / 'mine'} does not exist; name a folder or zip that does\n"
