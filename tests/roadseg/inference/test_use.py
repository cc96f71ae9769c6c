"""The script of a release, in a process that finds three packages alone, against the network."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import distribution

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT, write_picture
from packaging.requirements import Requirement
from PIL import Image

from roadseg.frames.images import resize_picture
from roadseg.inference.graph import export_for_pictures
from roadseg.inference.pictures import read_picture
from roadseg.networks.prediction import UPSAMPLING, normalize

USE = ROOT / "src" / "roadseg" / "inference" / "templates" / "use.py"
ALONE = """
import sys, runpy
sys.path.append(sys.argv[1])
try:
    import torch
except ImportError:
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder with links to numpy, OpenCV, ONNX Runtime and what these need."""
    folder, names = tmp_path_factory.mktemp("packages"), ["numpy", "opencv-python-headless", "onnxruntime"]
    for name in names:
        one = distribution(name)
        wanted = [Requirement(line) for line in one.requires or []]
        names += [w.name for w in wanted if w.name not in names and (not w.marker or w.marker.evaluate({"extra": ""}))]
        for top in {file.parts[0] for file in one.files or []} - {"..", "__pycache__"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(one.locate_file(top))
    return folder


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 8, 7, stride=4, padding=3), torch.nn.ReLU(), torch.nn.Conv2d(8, 5, 1)
    return torch.nn.Sequential(*layers).eval()


@pytest.mark.parametrize(("rule", "upsampling"), [("area", "bilinear"), ("area", "bicubic"), ("linear", "class_map")])
def test_it_gives_the_networks_classes_and_their_colours(rule, upsampling, packages, network, tmp_path):
    notes = {"resize": rule, "upsampling": upsampling}
    (tmp_path / "model.onnx").write_bytes(export_for_pictures(network, (64, 96), notes))
    colours = np.random.default_rng(1).integers(0, 256, (5, 3)).tolist()
    rows = [{"train_id": k, "name": str(k), "rgb": colours[k]} for k in range(5)]
    (tmp_path / "classes.json").write_text(json.dumps(rows))
    shutil.copy(USE, tmp_path)
    coarse = np.random.default_rng(0).integers(0, 256, (9, 13, 3), np.uint8)
    picture = cv2.resize(coarse, (250, 110), interpolation=cv2.INTER_CUBIC)
    write_picture(tmp_path / "a.b.png", picture[..., ::-1])
    run(packages, tmp_path / "use.py", tmp_path / "a.b.png", "--out", tmp_path / "out")

    with torch.inference_mode():
        logits = network(normalize(torch.from_numpy(resize_picture(picture, 64, 96, rule))[None]))[0]
    expected = UPSAMPLING[upsampling](logits, (110, 250))
    classes = cv2.imread(str(tmp_path / "out" / "a.b_classes.png"), cv2.IMREAD_UNCHANGED)
    assert len(np.unique(expected)) > 1
    assert (classes == expected).mean() >= 0.999
    colour = cv2.imread(str(tmp_path / "out" / "a.b_color.png"), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(colour, np.array(colours, np.uint8)[classes])


def test_a_photo_is_turned_upright(packages, network, tmp_path):
    notes = {"resize": "area", "upsampling": "bilinear"}
    (tmp_path / "model.onnx").write_bytes(export_for_pictures(network, (64, 96), notes))
    rows = [{"train_id": k, "name": str(k), "rgb": [k, k, k]} for k in range(5)]
    (tmp_path / "classes.json").write_text(json.dumps(rows))
    shutil.copy(USE, tmp_path)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8))
    turned = Image.Exif()
    turned[0x0112] = 6  # to be turned clockwise by a quarter when shown
    picture.rotate(90, expand=True).save(tmp_path / "photo.jpg", exif=turned)
    run(packages, tmp_path / "use.py", tmp_path / "photo.jpg", "--out", tmp_path)
    classes = cv2.imread(str(tmp_path / "photo_classes.png"), cv2.IMREAD_UNCHANGED)
    upright = read_picture(tmp_path / "photo.jpg")
    with torch.inference_mode():
        logits = network(normalize(torch.from_numpy(resize_picture(upright, 64, 96, "area"))[None]))[0]
    assert classes.shape == upright.shape[:2] == (40, 60)
    assert (classes == UPSAMPLING["bilinear"](logits, (40, 60))).mean() >= 0.999


def test_what_is_no_picture_is_answered_in_a_line(packages, tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    for name in ("a.png", "missing.png"):
        done = run(packages, USE, tmp_path / name, check=False)
        assert done.returncode == 1
        assert done.stderr == f"error: {tmp_path / name} is not a readable picture\n"


def run(packages, *words, check=True):
    command = [sys.executable, "-I", "-S", "-c", ALONE, packages, *words]
    return subprocess.run(command, capture_output=True, text=True, check=check)
