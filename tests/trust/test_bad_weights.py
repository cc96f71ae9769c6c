"""Each file that is no sound file of weights, and each row that is no network, is refused; nothing of a file is run."""

import json
from pathlib import Path

import bad_weights
import pytest
import torch
from conftest import write_seg_data
from refusals import TRUST, refusal
from small_project import set_params

import fetch_pretrained
from roadseg.pipeline import paths

EVERY = 1 if TRUST else 6
FILES = [name for name in bad_weights.CASES if TRUST or "another network" not in name]  # those take seconds


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("roadseg.data.download.PAUSES", ())
    write_seg_data(paths.SEG_DATA)


def is_refused(**changes):
    set_params(**changes)
    refusal("fetch_pretrained")
    assert not paths.PRETRAINED.exists()


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", FILES[::EVERY])
def test_file(name, record_property):
    record_property("trust", "bad weights")
    bad_weights.CASES[name]()
    is_refused(pretrained=f"file:{bad_weights.FILE}")
    assert not Path("harmed").exists()


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", bad_weights.NAMES[::EVERY])
def test_name(name, record_property):
    record_property("trust", "bad names of weights")
    is_refused(pretrained=name)


@pytest.mark.timeout(100)
@pytest.mark.parametrize("row", bad_weights.ROWS[::EVERY], ids=json.dumps)
def test_row(row, record_property):
    record_property("trust", "bad rows of models")
    is_refused(models={"mine": row, "mit_b5_segformer": row}, model="mine")


def test_sound_weights_are_taken():
    torch.save(bad_weights.tensors(), bad_weights.FILE)
    set_params(pretrained=f"file:{bad_weights.FILE}")
    fetch_pretrained.main()
    assert paths.PRETRAINED.exists()
