"""Each command line that asks for what can't be is refused."""

import shutil
from pathlib import Path

import pytest
from bad_weights import tensors
from conftest import ROOT, write_seg_data
from refusals import refusal
from small_project import set_params

from roadseg.networks.weights import save_weights
from roadseg.pipeline import paths

FRAMES, LABELS = "data/seg_data/testing/image", "data/seg_data/testing/label"
WORDS = {
    ("score", "--pred", "nowhere", "--gt", "nowhere"): "nowhere is not a folder",
    ("score", "--pred", "params.yaml", "--gt", "empty"): "params.yaml is not a folder",
    ("score", "--pred", LABELS, "--gt", "nowhere"): "nowhere is not a folder",
    ("score", "--pred", "empty", "--gt", "empty"): "empty is empty",
    ("score", "--pred", "empty", "--gt", LABELS): "empty/000004_10.png is missing",
    ("score", "--pred", FRAMES, "--gt", LABELS): "000004_10.png has 3 channels",
    ("score", "--pred", LABELS, "--gt", FRAMES): "000004_10.png has 3 channels",
    ("score", "--pred", "data/seg_data/training/label", "--gt", LABELS): "000004_10.png is missing",
    ("score", "--study", "--pred", "nowhere", "--gt", "empty"): "nowhere is not a folder",
    ("score", "--pred", "a\nb", "--gt", "a\nb"): "is not a folder",
    ("score",): "data/predictions/grey is not a folder",
    ("predict", "nowhere"): "nowhere: no such file or folder",
    ("predict", "empty"): "empty and its subfolders hold no picture",
    ("predict", "params.yaml"): "params.yaml is no picture by its ending",
    ("predict", "*.png"): "*.png",
    ("predict", "a\nb"): "a\\nb: no such file or folder",
    ("predict", FRAMES, "--overlay", "1.5"): "--overlay 1.5 is out of bounds",
    ("predict", FRAMES, "--overlay", "nan"): "--overlay nan is out of bounds",
    ("predict", FRAMES, "--overlay", "half"): "--overlay half is not a share",
    ("predict", FRAMES, "--every", "0"): "--every 0 is out of bounds",
    ("predict", FRAMES, "--every", "x"): "--every x is not a whole number",
    ("predict", FRAMES, "--every", "-1"): "--every -1 is out of bounds",
    ("predict", FRAMES, "--model", "nowhere"): "nowhere/model.safetensors is missing",
    ("predict", FRAMES, "--model", "empty"): "empty/model.safetensors is missing",
    ("predict", FRAMES, "--model", "params.yaml"): "params.yaml",
    ("predict", FRAMES, "--out", "params.yaml"): "params.yaml",
    ("release", "../x"): "NAME='../x' is not a folder name",
    ("release", ""): "NAME='' is not a folder name",
    ("release", "."): "NAME='.' is not a folder name",
    ("release", ".hidden"): "NAME='.hidden' is not a folder name",
    ("release", "a/b"): "NAME='a/b' is not a folder name",
    ("release", "x"): "metrics/score.json is missing",
    ("ablate", "list", "no-such-group"): "no-such-group is neither a group nor a variant",
    ("ablate", "run", "quick-none"): "quick-none is neither a group nor a variant",
    ("ablate", "run", "quick", "--jobs", "0"): "--jobs 0 is too few",
    ("ablate", "run", "quick", "--jobs", "-1"): "--jobs -1 is too few",
    ("ablate", "list", "quick", "--seeds", "0"): "--seeds 0 is too few",
    ("ablate", "list", "quick", "--folds", "0"): "--folds 0 is too few",
    ("ablate", "run", "quick", "--gpus", "0", "--ray", "auto"): "--ray assigns the machines itself",
    ("ablate", "run", "quick", "--ray", "auto", "--queue"): "--ray assigns the machines itself",
    ("ablate", "run", "quick", "--gpu-share", "0.5"): "--gpu-share goes with --ray",
    ("train",): "models/pretrained.safetensors is missing",
    ("report",): "metrics/train.json: No such file",
    ("check",): "metrics/score.json: No such file",
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project with frames and weights, in which nothing else has run."""
    monkeypatch.chdir(tmp_path)
    paths.MODEL.parent.mkdir()
    save_weights(paths.MODEL, tensors())
    write_seg_data(paths.SEG_DATA)
    set_params()
    Path("empty").mkdir()
    for name in ("experiments.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, name)


@pytest.mark.timeout(100)
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_command(words, record_property):
    record_property("trust", "bad command lines")
    assert WORDS[words] in refusal(*words)[0]
