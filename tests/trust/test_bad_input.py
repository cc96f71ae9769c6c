"""Bad input of any kind, through the script that reads it: lines that name it, exit code 1, and nothing written.

How each reader refuses is in the tests of its room; here each of them meets a few inputs from end to end.
"""

import gzip
import importlib
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
from functools import cache
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import PARAMS, ROOT, changed, picture_bytes, write_kitti, write_params, write_seg_data
from PIL import Image
from safetensors.torch import save
from small_project import set_params

import fetch_data
import fetch_pretrained
import preflight
from roadseg.networks.catalogue import build_model
from roadseg.networks.weights import save_weights
from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import CATALOGUES
from roadseg.pipeline.stage import run

TRUST = "ROADSEG_TRUST" in os.environ  # `make trust`: all bad inputs, not only a part of them
TIMEOUT = 90  # seconds; the longest that a download may take to give up
_calls = count()


def refusal(script, *words, server_here=False):
    """Run a script of src/ in this folder with bad input; return the lines with which it ends.

    In `make trust` every fifth meets the script in a process of its own, unless a server in this process is asked.
    """
    before = files_here()
    own_process = TRUST and not server_here and next(_calls) % 5 == 0
    code, output = (in_own_process if own_process else in_this_process)(script, words)
    assert code == 1, f"accepted, or ended by another way: {code} {output[-2000:]}"
    lines = [line for line in output.splitlines() if line.startswith("error: ")]
    assert lines, output[-2000:]
    assert all(line.isprintable() and len(line) < 2000 for line in lines), lines
    assert "Traceback" not in output
    assert files_here() == before
    return lines


def in_own_process(script, words):
    command = [sys.executable, str(ROOT / "src" / f"{script}.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    return done.returncode, done.stderr


def in_this_process(script, words):
    module = importlib.import_module(script)
    main = module.predict_any if script == "predict" else module.main
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{script}.py", *words])
        with pytest.raises(SystemExit) as caught:
            run(main)
    # what is no number is printed, and means 1
    return (1, caught.value.code) if isinstance(caught.value.code, str) else (caught.value.code, "")


def files_here():
    """All files below this folder but parameters, with the time of their last change; empty folders may be left."""
    parameters = (paths.PARAMS, *CATALOGUES.values())
    files = [path for path in Path().rglob("*") if not path.is_dir() and path not in parameters]
    return {path: path.lstat().st_mtime_ns for path in files}


def cases(rows, every=4):
    """Return a decorator for one test a row, whose first value is its name; outside of `make trust` for some rows."""
    chosen = list(rows)[:: 1 if TRUST else every]
    return pytest.mark.parametrize("case", [pytest.param(row[1:], id=f"{row[0]}"[:40]) for row in chosen])


def scalars(section, at=""):
    for key, value in section.items():
        yield from scalars(value, f"{at}{key}.") if isinstance(value, dict) else [f"{at}{key}"]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """A project with frames, weights and parameters, in which no stage has run; `mine` holds frames to fetch."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("ROADSEG_STORE", str(tmp_path / "store"))  # keeps the part of a download that came
    monkeypatch.setattr("roadseg.data.download.PAUSES", ())
    for name in ("experiments.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, name)
    set_params()
    Path("empty").mkdir()
    write_seg_data(paths.SEG_DATA)
    write_seg_data(Path("mine"))


# --- params.yaml: a value of the wrong kind for each key, keys that are missing, and what is no parameter file at all

CHOSEN = {key: value for key, value in PARAMS.items() if key not in CATALOGUES}
VALUES = [(key, key, value) for key in scalars(CHOSEN) for value in ({"a": 1}, [["x"]])]
CONTENTS = [
    ("empty", b"", "the file is empty; write a value"),
    ("a number", b"3", "the file: 3 is wrong"),
    ("not UTF-8", b"seed: 1 # \xe4\n", "is not UTF-8"),
    ("an open bracket", b"seed: [1\n", "is not valid YAML"),
    ("a tab", b"seed:\n\t1\n", "is not valid YAML"),
    ("a date that can't be", b"seed: 2026-13-01\n", "is not valid YAML"),
    ("nested too deeply", b"[" * 3000 + b"]" * 3000, "nested too deeply"),
    ("a Python object", b"seed: !!python/object/apply:os.getcwd []\n", "is not valid YAML"),
    ("an endless number", b"seed: " + b"9" * 5000, "is not valid YAML"),
    ("zeroes", bytes(1000), "is not valid YAML"),
    *((f"without {key}", key, f"{key} is missing") for key in CHOSEN),
]


@cases(VALUES, every=8)
def test_a_value_of_the_wrong_kind(case, record_property):
    record_property("trust", "bad params.yaml")
    key, value = case
    write_params(changed(PARAMS, {key: value}))
    assert any(key in line for line in refusal("preflight"))


@cases(CONTENTS)
def test_a_file_that_holds_no_parameters(case, record_property):
    record_property("trust", "bad params.yaml")
    content, line = case
    if isinstance(content, bytes):
        paths.PARAMS.write_bytes(content)
    else:
        write_params({key: value for key, value in PARAMS.items() if key != content})
    assert any(line in refused for refused in refusal("preflight"))


# --- frames: a file of the folder is replaced, or the folder changed

GREY, PHOTO = np.zeros((32, 48), np.uint8), np.random.default_rng(5).integers(0, 256, (32, 48, 3), np.uint8)
IMAGE, LABEL = Path("mine/training/image/000001_10.png"), Path("mine/training/label/000001_10.png")
WHOLE, CHANGED, UNREADABLE = picture_bytes(PHOTO), (2, 17, 25, 200), " is not a readable PNG or JPEG"


def saved(mode, form="PNG", **options):
    file = io.BytesIO()
    Image.new(mode, (48, 32)).save(file, form, **options)
    return file.getvalue()


def turned(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return saved("RGB", exif=tags)


FILES = [
    *((f"label of {value}", LABEL, picture_bytes(GREY + value), f" holds {value};") for value in (19, 33, 254)),
    ("label of 1 bit", LABEL, saved("1"), " has 1 bits a pixel"),
    ("label of 16 bits", LABEL, saved("I;16"), " has 16 bits a pixel"),
    ("label with a palette", LABEL, saved("P"), " is a palette PNG"),
    ("label in colours", LABEL, saved("RGB"), " has 3 channels"),
    ("label of 31x48", LABEL, picture_bytes(GREY[1:]), " is 31x48, but its image 32x48"),
    ("label as JPEG", LABEL, saved("L", "JPEG"), " is a JPEG, which alters values"),
    ("label as TIFF", LABEL, saved("L", "TIFF"), UNREADABLE + " (it is a TIFF)"),
    ("label empty", LABEL, b"", UNREADABLE),
    ("label a pointer", LABEL, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", UNREADABLE),
    *((f"label cut by {n}", LABEL, picture_bytes(GREY)[:-n], UNREADABLE) for n in (1, 13, 60)),
    *((f"image cut by {n}", IMAGE, WHOLE[:-n], UNREADABLE) for n in (1, 13, 2000)),
    *((f"byte {n} changed", IMAGE, WHOLE[:n] + bytes([WHOLE[n] ^ 1]) + WHOLE[n + 1 :], UNREADABLE) for n in CHANGED),
    *((f"image turned {turn}", IMAGE, turned(turn), " is to be turned when shown") for turn in (2, 6)),
    ("image as BMP", IMAGE, saved("RGB", "BMP"), UNREADABLE + " (it is a BMP)"),
    ("image a web page", IMAGE, b"<!doctype html><p>not found", UNREADABLE + " (it is a web page or SVG)"),
    ("image of 16 bits", IMAGE, picture_bytes(np.zeros((32, 48, 3), np.uint16)), " has 16 bits a channel"),
    ("image of zeroes", IMAGE, bytes(5000), UNREADABLE),
]


def to_link(path, target):
    path.unlink()
    path.symlink_to(target)


def to_pipe(path):
    path.unlink()
    os.mkfifo(path)


def black_and_white():
    for file in Path("mine/training/label").iterdir():
        cv2.imwrite(str(file), np.where(np.arange(48) < 9, GREY, 255).astype(np.uint8))


NO_UTF8 = os.fsdecode(b"mine/training/image/Stra\xdfe.png")
FOLDERS = [
    ("no label", LABEL.unlink, "has no label; add training/label/000001_10.png"),
    ("no image", IMAGE.unlink, "has no image; add one to training/image"),
    ("no training", lambda: shutil.rmtree("mine/training"), "mine has frames in no layout that is known"),
    ("no test image", lambda: shutil.rmtree("mine/testing/image"), "testing/label/000004_10.png has no image"),
    ("label a pipe", lambda: to_pipe(LABEL), "is a named pipe, not a file"),
    ("label a device", lambda: to_link(LABEL, "/dev/zero"), "is a device, not a file"),
    ("image a broken link", lambda: to_link(IMAGE, "nowhere.png"), "is a broken link to nowhere.png"),
    ("image a link to itself", lambda: to_link(IMAGE, IMAGE.name), "is a link that leads back to itself"),
    ("a loop of links", lambda: Path("mine/testing/image/up").symlink_to(".."), "is a link back to a folder above it"),
    ("a text among the images", lambda: Path("mine/training/image/notes.md").touch(), "notes.md does not end in .png"),
    ("an image twice", lambda: shutil.copy(IMAGE, IMAGE.with_suffix(".jpg")), "has the same stem as training/image"),
    ("a name in no encoding", lambda: IMAGE.rename(NO_UTF8), "Stra\\xdfe.png has a name that is not in UTF-8"),
    ("black and white masks", black_and_white, "mine/training: all labels hold 0 and 255 alone"),
    ("a frame in both parts", lambda: shutil.copy(IMAGE, "mine/testing/image/000005_10.png"), "is the same picture as"),
]
PLACES = [
    ("nowhere", "nowhere does not exist"),
    ("", "data.seg_data.path is empty"),
    ("~nobody-here/x", "begins with a user who isn't known"),
    ("params.yaml", "params.yaml: damaged, or not a zip"),
    ("/dev/zero", "/dev/zero is a device"),
    ("x" * 300, "xxx"),
    ("mine/training", "mine/training has frames in no layout that is known"),
]


def check_frames_are_refused(place, line):
    shutil.rmtree(paths.SEG_DATA)
    set_params(**{"data.source": "seg_data", "data.seg_data.path": place})
    lines = refusal("fetch_data")
    assert any(line in refused for refused in lines)
    assert not paths.SEG_DATA.exists()


@cases(FILES)
def test_a_frame(case, record_property):
    record_property("trust", "bad frames")
    path, content, line = case
    path.write_bytes(content)
    check_frames_are_refused("mine", f"{path}{line}")


@cases(FOLDERS)
def test_a_folder_of_frames(case, record_property):
    record_property("trust", "bad frames")
    change, line = case
    change()
    check_frames_are_refused("mine", line)


@cases([(place, place, line) for place, line in PLACES])
def test_a_place_of_frames(case, record_property):
    record_property("trust", "bad places of frames")
    check_frames_are_refused(*case)


# --- archives of frames: what is made of a sound one

ARCHIVES = [
    *((f"zip cut to {n} %", "zip", lambda data, n=n: data[: len(data) * n // 100], "") for n in (0, 30, 99)),
    *((f"tar cut to {n} %", "tar", lambda data, n=n: data[: len(data) * n // 100], "") for n in (1, 50)),
    *((f"damaged {kind}", kind, lambda data: data[:200] + bytes(400) + data[600:], "") for kind in ("zip", "gztar")),
    ("zip that leads outside", "zip", lambda data: data.replace(b"training/image/", b"../../../image/"), ""),
    ("zip of text", "zip", lambda _: b"not found", ""),
    ("7z", "zip", lambda data: b"7z\xbc\xaf\x27\x1c" + data, ""),
    ("zeroes", "tar", lambda data: bytes(len(data)), ""),
]


@cases(ARCHIVES)
def test_an_archive(case, record_property):
    record_property("trust", "bad archives")
    kind, change, line = case
    archive = Path(shutil.make_archive("packed", kind, "mine"))
    archive.write_bytes(change(archive.read_bytes()))
    check_frames_are_refused(str(archive), line)


# --- weights, names of weights, and rows of networks


@cache
def tensors():
    """The network's own weights."""
    torch.manual_seed(0)
    return build_model(PARAMS["model"], PARAMS["models"][PARAMS["model"]], 19).state_dict()


def torch_file(content, **options):
    file = io.BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def with_first(change):
    """A file in which the first tensor is another one."""
    name = next(name for name, value in tensors().items() if value.is_floating_point())
    return torch_file(tensors() | {name: change(tensors()[name])})


class Attack:
    def __reduce__(self):
        return Path.mkdir, (Path("harmed"),)


ENDLESS = b'{"a":{"dtype":"F32","shape":[9223372036854775808,0],"data_offsets":[0,0]}}'
CUT = "w.pth is broken, cut short or not a file of tensors"
WEIGHTS = [
    *((f"cut to {n} %", lambda n=n: (all_ := torch_file(tensors()))[: len(all_) * n // 100], CUT) for n in (2, 95)),
    ("a tensor of nan", lambda: with_first(lambda tensor: tensor * float("nan")), "values that are NaN or infinite"),
    ("whole numbers", lambda: with_first(torch.Tensor.long), "holds int64, where the network has floats"),
    ("a sparse tensor", lambda: with_first(lambda tensor: tensor.flatten().to_sparse()), "holds a sparse tensor"),
    ("another network", lambda: torch_file({"a": torch.ones(100)}), "weights of another network than"),
    (
        "an optimiser's state",
        lambda: torch_file({"state": {}, "param_groups": [{}]}),
        "holds an optimizer's state and no weights",
    ),
    ("a list", lambda: torch_file([torch.ones(1)]), "holds no named tensors"),
    ("a whole network", lambda: torch_file(torch.nn.Conv2d(1, 1, 1)), "holds Python objects"),
    ("code", lambda: pickle.dumps({"a": Attack()}, protocol=2), "holds Python objects"),
    ("empty", bytes, "w.pth is empty"),
    ("a web page", lambda: b"<!doctype html>", "is a web page, not weights"),
    ("HDF5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(100), "is an HDF5 file"),
    ("safetensors without a header", lambda: (1).to_bytes(8, "little") + b"{", "is broken or cut short"),
    ("safetensors of an endless side", lambda: len(ENDLESS).to_bytes(8, "little") + ENDLESS, "is broken or cut short"),
    ("safetensors cut", lambda: save({"a": torch.ones(100)})[:-50], "is broken or cut short"),
]
UNKNOWN = "is unknown; choose from none, or gdrive:ID, file:PATH,"
NAMES = [
    *((name, f"pretrained: '{name}' {UNKNOWN}") for name in ("imagenette", "gdrive:", "hf:", "ftp://host/w")),
    ("exp:no-such-run", "not a git repository"),
    ("file:mine", "mine is a folder"),
    ("file:~nobody-here/w.pth", "Could not determine home directory"),
    ("file:" + "x" * 300, "xxx"),
    ("http://127.0.0.1:9/w.pth", "no connection, or a broken one"),
    ("https://u:p@host/w.pth", "https://...@host/w.pth: has a user name or a password in it"),
    ("hf:a b/c", "hf:a b/c: Repo id must use alphanumeric chars"),
]
SEGFORMER = {"arch": "Segformer", "encoder": "resnet18"}
ROWS = [
    ({"arch": "Segformers", "encoder": "resnet18"}, ".arch: 'Segformers' is unknown; choose from"),
    ({"arch": "Segformer"}, ".encoder is missing; Segformer needs one"),
    (SEGFORMER | {"encoder": "resnet19"}, ": smp.Segformer('resnet19', {}) failed: Wrong encoder name"),
    (SEGFORMER | {"encoder": "tu-resnet19"}, "failed: Unknown model (resnet19)"),
    (SEGFORMER | {"encoder": "hf-hub:someone/something"}, ".encoder: 'hf-hub:someone/something' names a repository"),
    (SEGFORMER | {"kwargs": {"decoder_channels": 5}}, ".kwargs: Segformer takes no decoder_channels"),
    (SEGFORMER | {"kwargs": {"classes": 2}}, "multiple values for keyword argument 'classes"),
    (SEGFORMER | {"kwargs": {"decoder_segmentation_channels": -1}}, "failed: Trying to create tensor with negative"),
    ({"arch": "Unet", "encoder": "resnet18", "kwargs": {"decoder_channels": [1]}}, "failed: Model depth is 5"),
    ({"arch": "better_segnet", "kwargs": {"width": 5}}, ": better_segnet takes neither encoder nor kwargs"),
]


def check_weights_are_refused(line="", **changes):
    set_params(**changes)
    lines = refusal("fetch_pretrained")
    assert any(line in refused for refused in lines)
    assert not paths.PRETRAINED.exists()
    assert not Path("harmed").exists()


@cases(WEIGHTS)
def test_a_file_of_weights(case, record_property):
    record_property("trust", "bad weights")
    content, line = case
    Path("w.pth").write_bytes(content())
    check_weights_are_refused(line, pretrained="file:w.pth")


@cases([(name, name, line) for name, line in NAMES])
def test_a_name_of_weights(case, record_property):
    record_property("trust", "bad names of weights")
    check_weights_are_refused(*case[1:], pretrained=case[0])


@cases([(json.dumps(row), row, line) for row, line in ROWS])
def test_a_row_of_models(case, record_property):
    record_property("trust", "bad rows of models")
    row, line = case
    check_weights_are_refused(line, models={"mine": row}, model="mine")


# --- command lines

FRAMES, LABELS = "data/seg_data/testing/image", "data/seg_data/testing/label"
COMMANDS = [
    ("score --pred nowhere --gt nowhere", "nowhere is not a folder"),
    (f"score --pred empty --gt {LABELS}", "empty/000004_10.png is missing"),
    ("score --pred empty --gt empty", "empty is empty"),
    (f"score --pred {FRAMES} --gt {LABELS}", "000004_10.png has 3 channels"),
    ("score --study --pred nowhere --gt empty", "nowhere is not a folder"),
    ("predict nowhere", "nowhere: no such file or folder"),
    ("predict empty", "empty and its subfolders hold no picture"),
    ("predict params.yaml", "params.yaml is no picture by its ending"),
    (f"predict {FRAMES} --overlay 1.5", "--overlay 1.5 is out of bounds"),
    (f"predict {FRAMES} --overlay half", "--overlay half is not a share"),
    (f"predict {FRAMES} --every 0", "--every 0 is out of bounds"),
    (f"predict {FRAMES} --every x", "--every x is not a whole number"),
    (f"predict {FRAMES} --model nowhere", "nowhere/model.safetensors is missing"),
    (f"predict {FRAMES} --model params.yaml", "params.yaml"),
    (f"predict {FRAMES} --out params.yaml", "params.yaml"),
    *((f"release {name}", f"NAME='{name}' is not a folder name") for name in ("../x", ".hidden", "a/b")),
    ("release x", "metrics/score.json is missing"),
    ("ablate list no-such-group", "no-such-group is neither a group nor a variant"),
    ("ablate run quick --jobs 0", "--jobs 0 is too few"),
    ("ablate list quick --seeds 0", "--seeds 0 is too few"),
    ("ablate run quick --gpus 0 --ray auto", "--ray assigns the machines itself"),
    ("ablate run quick --gpu-share 0.5", "--gpu-share goes with --ray"),
    ("train", "models/pretrained.safetensors is missing"),
    ("check", "metrics/score.json: No such file"),
]


@cases([(words, words, line) for words, line in COMMANDS])
def test_a_command(case, record_property):
    record_property("trust", "bad command lines")
    words, line = case
    write_params(PARAMS)  # in which the experiments are valid
    paths.MODEL.parent.mkdir()
    save_weights(paths.MODEL, tensors())
    assert line in refusal(*words.split())[0]


# --- downloads: the answer's content made from the archive, headers in place of the usual ones, statuses

ANSWERS = [
    *((f"a message {text!r}", lambda _, text=text: text, {}, []) for text in (b"<?xml version='1.0'?>", b"[5]", b"no")),
    ("cut without a length", lambda data: data[:-100], {"Content-Length": None}, []),
    ("its end alone", lambda data: data[len(data) // 2 :], {}, []),
    ("a damaged member", lambda data: data[:100] + bytes(200) + data[300:], {}, []),
    ("packed, and not said", gzip.compress, {}, []),
    ("packing that is said, and isn't", bytes, {"Content-Encoding": "gzip"}, []),
    ("two lengths", bytes, {"Content-Length": "1, 2"}, []),
    ("too long a length", bytes, {"Content-Length": "99999999"}, []),
    ("too short a length", bytes, {"Content-Length": "500"}, []),
    *((f"status {status}", bytes, {}, [status] * 9) for status in (401, 404, 429, 503)),
]


def fetch_kitti(url):
    shutil.rmtree(paths.SEG_DATA, ignore_errors=True)
    set_params(**{"data.source": "kitti", "data.kitti.url": url})


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # urllib3 leaves the socket to Python
@cases(ANSWERS)
def test_an_answer_of_a_server_and_the_next_run_takes_the_archive(case, http_server, record_property):
    record_property("trust", "bad downloads")
    change, headers, statuses = case
    file = write_kitti(http_server.root / "data.zip", [f"{number:06d}_10" for number in range(8)])
    whole = file.read_bytes()
    file.write_bytes(change(whole))
    http_server.headers, http_server.statuses = dict(headers), [*statuses]
    fetch_kitti(f"{http_server.url}/data.zip")
    assert f"{http_server.server_port}/data.zip" in refusal("fetch_data", server_here=True)[0]
    assert not paths.SEG_DATA.exists()
    file.write_bytes(whole)
    http_server.headers, http_server.statuses = {}, []
    fetch_data.main()


@cases([(url, url) for url in ("http://127.0.0.1:9/a", "http://no-such-host.invalid/a", "ftp://127.0.0.1/a", "a")])
def test_an_address(case, record_property):
    record_property("trust", "bad downloads")
    fetch_kitti(*case)
    refusal("fetch_data", server_here=True)


def test_sound_input_is_taken(http_server):
    set_params(**{"data.source": "seg_data", "data.seg_data.path": "mine"})
    preflight.main()
    fetch_data.main()
    torch.save(tensors(), "w.pth")
    set_params(pretrained="file:w.pth")
    fetch_pretrained.main()
    assert paths.PRETRAINED.exists()
