"""Each set of frames that is wrong in one way is refused by the stage that reads it, and leaves no frame."""

import shutil
from pathlib import Path

import bad_frames
import pytest
from conftest import write_seg_data
from refusals import TRUST, refusal
from small_project import set_params

import fetch_data
from roadseg.pipeline import paths

EVERY = 1 if TRUST else 3
MINE = Path("mine")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_seg_data(MINE)


def is_refused(source):
    set_params(**{"data.source": "seg_data", "data.seg_data.path": str(source)})
    refusal("fetch_data")
    assert not paths.SEG_DATA.exists()


def packed(kind):
    """The frames as an archive, which takes the folder's place."""
    archive = shutil.make_archive("mine", kind, MINE)
    shutil.rmtree(MINE)
    return Path(archive)


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", [*bad_frames.CASES][::EVERY])
def test_folder(name, record_property):
    record_property("trust", "bad frames")
    bad_frames.CASES[name](MINE)
    is_refused(MINE)


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", [*bad_frames.ZIPS, *bad_frames.TARS][::EVERY])
def test_archive(name, record_property):
    record_property("trust", "bad archives")
    archive = packed("zip" if name in bad_frames.ZIPS else "tar")
    (bad_frames.ZIPS | bad_frames.TARS)[name](archive)
    is_refused(archive)


@pytest.mark.parametrize(
    "path", ["nowhere", "", "~nobody-here/x", "params.yaml", "/dev/zero", "x" * 300, "mine/training"]
)
def test_place(path, record_property):
    record_property("trust", "bad places of frames")
    is_refused(path)


@pytest.mark.parametrize("kind", ["", "zip", "tar", "gztar"])
def test_the_sound_ones_are_taken(kind):
    source = packed(kind) if kind else MINE
    set_params(**{"data.source": "seg_data", "data.seg_data.path": str(source)})
    fetch_data.main()
    assert len(list((paths.SEG_DATA / "training/label").iterdir())) == 4
