"""Full disks, read-only folders, small shared memory: a line and no half-written output, or the same as ever."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("ROADSEG_TRUST" not in os.environ, reason="a part of `make trust`"),
]

OUTPUTS = {
    "fetch_data": ["data/seg_data"],
    "look": ["data/look"],
    "fetch_pretrained": ["models/pretrained.safetensors"],
    "class_weights": ["metrics/class_weights.json"],
    "train": [
        "models/model.safetensors",
        "models/early.safetensors",
        "metrics/train.json",
        "metrics/train_history.csv",
        "metrics/train_iou.csv",
    ],
    "predict": ["data/predictions", "data/label_check", "metrics/predict_times.json"],
    "score": ["metrics/score.json", "metrics/per_class.csv", "metrics/confusion.csv", "metrics/confusion.png"],
    "flops": ["metrics/flops.json"],
    "report": ["report", "metrics/report.json", "metrics/efficiency.json"],
}
UNLIKE = {"report.pdf", "predict_times.json"}  # hold when they were made, and how long it took
ROWS = {"metrics/train_history.csv", "metrics/train_iou.csv"}  # of all epochs so far
SO_FAR = ROWS | {"metrics/train.json"}
FULL = (
    'mount -t tmpfs -o size={size}k tmpfs "$0" && cp -r {source}/. "$0" && dd if=/dev/zero of="$0/fill" 2>/dev/null; '
)
FULL += 'truncate -s -{free}k "$0/fill"; cd "$0" && {command}; code=$?; rm fill; cp -r . {result}; exit $code'
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd {project} && {command}'


def in_mounts(script, place):
    """Run a shell script that may mount things, seen by it alone; its $0 is a place."""
    words = ["unshare", "-m", "sh", "-c", script, str(place)]
    return subprocess.run(words, capture_output=True, text=True, timeout=200)


def command_of(stage):
    return f"{sys.executable} {ROOT}/src/{stage}.py"


@pytest.fixture(autouse=True)
def mounts(tmp_path):
    """An empty folder to mount something on."""
    (folder := tmp_path / "mount").mkdir()
    if in_mounts('mount -t tmpfs tmpfs "$0"', folder).returncode:
        pytest.skip("nothing can be mounted here")
    return folder


def contents(folder, stage):
    """All files of a stage's outputs."""
    tops = [folder / output for output in OUTPUTS[stage]]
    files = [file for top in tops for file in ([top] if top.is_file() else top.rglob("*")) if file.is_file()]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.name not in UNLIKE}


def remove_outputs(stage):
    for output in map(Path, OUTPUTS[stage]):
        shutil.rmtree(output) if output.is_dir() else output.unlink()


def check_failed(done, words):
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1
    assert words in lines[0]
    assert "Traceback" not in done.stderr


def check_whole(folder, finished, stage):
    """Each output of the stage is there as a whole, or not at all, and nothing lies beside.

    What tells of the epochs so far is whole, too, but may end with an earlier one.
    """
    there, wanted = contents(folder, stage), contents(finished, stage)
    assert {name: there[name] for name in there.keys() - SO_FAR}.items() <= wanted.items()
    assert all(wanted[name].startswith(there[name]) for name in there.keys() & ROWS)
    for output in map(Path, OUTPUTS[stage]):
        if (finished / output).is_dir() and (folder / output).exists():
            assert {name for name in wanted if name.startswith(f"{output}/")} <= there.keys()
    assert not list(folder.rglob(".*.new*"))


def run_stage(stage, folder):
    subprocess.run(command_of(stage).split(), check=True, capture_output=True, cwd=folder)


@pytest.mark.parametrize("free", [0, 8])
@pytest.mark.parametrize("stage", OUTPUTS)
def test_a_full_disk(stage, free, project, finished, mounts, tmp_path, record_property):
    record_property("trust", "full disk")
    remove_outputs(stage)
    (result := tmp_path / "result").mkdir()
    values = {"size": 60_000, "source": project, "free": free, "command": command_of(stage), "result": result}
    done = in_mounts(FULL.format(**values), mounts)
    if done.returncode == 0:
        assert free, "there was room where there should be none"
    else:
        check_failed(done, "No space left on device")
        check_whole(result, finished, stage)
        run_stage(stage, result)
    assert contents(result, stage) == contents(finished, stage)


@pytest.mark.parametrize("stage", OUTPUTS)
def test_a_read_only_folder(stage, project, finished, record_property):
    record_property("trust", "read-only folder")
    remove_outputs(stage)
    place = project / Path(OUTPUTS[stage][0]).parent
    done = in_mounts(READ_ONLY.format(project=project, command=command_of(stage)), place)
    check_failed(done, "Read-only file system")
    check_whole(project, finished, stage)
    run_stage(stage, project)
    assert contents(project, stage) == contents(finished, stage)


@pytest.mark.parametrize("script", [READ_ONLY, 'mount -t tmpfs -o size=20k tmpfs "$0" && cd {project} && {command}'])
@pytest.mark.parametrize("stage", ["train", "class_weights"])
def test_a_store_that_takes_nothing(stage, script, project, finished, mounts, monkeypatch, record_property):
    record_property("trust", "full or read-only store")
    remove_outputs(stage)
    monkeypatch.setenv("ROADSEG_STORE", str(mounts))
    done = in_mounts(script.format(project=project, command=command_of(stage)), mounts)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or "error: " in done.stderr
    check_whole(project, finished, stage)


@pytest.mark.parametrize(("size", "fill"), [("16k", ""), ("256k", ""), ("8m", "dd if=/dev/zero of=/dev/shm/full;")])
def test_training_in_small_shared_memory_is_as_ever(size, fill, project, finished, monkeypatch, record_property):
    record_property("trust", "small /dev/shm")
    monkeypatch.setenv("ROADSEG_WORKERS", "2")
    remove_outputs("train")
    done = in_mounts(f"mount -t tmpfs -o size={size} tmpfs /dev/shm; {fill} {command_of('train')}", project)
    assert done.returncode == 0, done.stderr
    assert "/dev/shm has too little room: the training makes the batches" in done.stdout
    assert contents(project, "train") == contents(finished, "train")
