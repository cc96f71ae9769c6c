"""Training that is killed goes on in the next run, and ends with the bits of one that was left alone.

ROADSEG_KILLS is how often it is killed here; `make trust` sets it higher.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from test_stages import write_params

import class_weights
import fetch_data
import fetch_pretrained
from pipeline import paths

OUTPUTS = (paths.MODEL, paths.TRAIN, paths.TRAIN_HISTORY)
CHANGES = {
    "data.synthetic": {"train_frames": 9, "test_frames": 2, "height": 96, "width": 192, "seed": 5},
    "train.epochs": 6,
    "train.ema": 0.9,
    "model": "resnet18_segformer",  # with dropout
}
KILLS = int(os.environ.get("ROADSEG_KILLS", "3"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project just before its training, with a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROADSEG_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    write_params(**CHANGES)
    for stage in (fetch_data, fetch_pretrained, class_weights):
        stage.main()
    return tmp_path


def start():
    return subprocess.Popen(
        [sys.executable, str(ROOT / "src" / "train.py")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def trained():
    """Train to the end: what was printed, and the outputs' bytes."""
    output, errors = (process := start()).communicate(timeout=300)
    assert process.returncode == 0, errors
    return output, [path.read_bytes() for path in OUTPUTS]


def states():
    return list(Path("store").glob("trainings/*/*.pt"))


def wait_for_a_state(process, other_than=()):
    while process.poll() is None and set(states()) <= set(other_than):
        time.sleep(0.01)


def test_killed_at_any_moment(folder):
    _, undisturbed = trained()
    assert states() == []
    moments, went_on = random.Random(3), 0
    shutil.rmtree("models/model.safetensors", ignore_errors=True)
    while went_on < KILLS:
        for path in OUTPUTS:
            path.unlink(missing_ok=True)
        process = start()
        wait_for_a_state(process, other_than=states())
        time.sleep(moments.uniform(0, 0.6))
        process.kill()
        output, _ = process.communicate(timeout=60)
        went_on += "goes on in epoch" in output
        if process.returncode == 0:  # it was quicker than the kill
            assert [path.read_bytes() for path in OUTPUTS] == undisturbed
    _, outputs = trained()
    assert outputs == undisturbed
    assert states() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop(folder, number):
    process = start()
    wait_for_a_state(process)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert re.fullmatch(r"error: interrupted in epoch \d; the next run goes on from there", errors.splitlines()[-1])
    assert "Traceback" not in errors
    assert not any(path.exists() for path in OUTPUTS)
    output, outputs = trained()
    assert "goes on in epoch" in output
    _, again = trained()  # from the start, as the first one is done
    assert outputs == again


def test_another_training_is_not_taken(folder):
    process = start()
    wait_for_a_state(process)
    process.kill()
    process.communicate(timeout=60)
    assert states()
    write_params(**CHANGES | {"train.lr": 0.002})
    output, _ = trained()
    assert "goes on" not in output
    assert states()  # the first one's stays
