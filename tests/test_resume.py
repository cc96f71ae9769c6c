"""Training that is killed goes on in the next run, and ends with the bits of one that was left alone.

ROADSEG_KILLS is how often it is killed here; docs/trust.md names a higher number.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT
from small_project import set_params

import class_weights
import fetch_data
import fetch_pretrained
from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import read_params

OUTPUTS = (paths.MODEL, paths.TRAIN, paths.TRAIN_HISTORY, paths.TRAIN_IOU)
CHANGES = {
    "data.synthetic": {"train_frames": 9, "test_frames": 2, "height": 96, "width": 192, "seed": 5},
    "train.epochs": 6,
    "train.ema": 0.9,
    "model": "resnet18_segformer",  # with dropout
}
pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("ROADSEG_KILLS", "1"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Make a project just before its training, with a store of its own; return the outputs of a training in it."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("resume")
        patch.chdir(folder)
        patch.setenv("ROADSEG_STORE", str(folder / "store"))
        patch.setenv("OMP_NUM_THREADS", "1")
        set_params(**CHANGES)
        for stage in (fetch_data, fetch_pretrained, class_weights):
            stage.main()
        _, outputs = trained()
        assert states() == []
        yield outputs


@pytest.fixture(autouse=True)
def fresh(undisturbed):
    for path in OUTPUTS:
        path.unlink(missing_ok=True)


def start():
    """Train in a process group of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    return subprocess.Popen([sys.executable, str(ROOT / "src" / "train.py")], **pipes)


def trained():
    """Train to the end: what was printed, and the outputs' bytes."""
    output, errors = (process := start()).communicate(timeout=300)
    assert process.returncode == 0, errors
    return output, [path.read_bytes() for path in OUTPUTS]


def states():
    return list(Path("store").glob("trainings/*/*.pt"))


def wait_for_a_state(process, other_than):
    while process.poll() is None and set(states()) <= set(other_than):
        time.sleep(0.01)


@pytest.mark.timeout(60 * (4 + KILLS))
def test_killed_at_any_moment(undisturbed, record_property):
    moments, went_on = random.Random(3), 0
    for _ in range(4 * KILLS):
        before = states()
        process = start()
        wait_for_a_state(process, before)
        time.sleep(moments.uniform(0, 0.6))
        process.kill()
        output, _ = process.communicate(timeout=60)
        went_on += "goes on in epoch" in output
        if process.returncode == 0:  # it was quicker than the kill
            assert [path.read_bytes() for path in OUTPUTS] == undisturbed
        if went_on == KILLS:
            break
    _, outputs = trained()
    assert outputs == undisturbed
    assert states() == []
    record_property("trust", f"trainings, killed {went_on} times")


def stop(number):
    """Send a signal after a whole epoch, again where the training was quicker; return its exit code and its words.

    All its processes get it, as from Ctrl-C, `timeout`, or a job scheduler.
    """
    for _ in range(5):
        before = states()
        process = start()
        wait_for_a_state(process, before)
        with suppress(ProcessLookupError):  # it was quicker
            os.killpg(process.pid, number)
        _, errors = process.communicate(timeout=60)
        if process.returncode != 0:
            break
        for path in OUTPUTS:
            path.unlink()
    assert not paths.MODEL.exists()
    return process.returncode, errors


def check_live_files(undisturbed):
    """What the training has left of its epochs so far are the first lines of what it leaves in the end."""
    (_, _, history, by_class), epochs = undisturbed, len(paths.TRAIN_HISTORY.read_bytes().splitlines()) - 1
    assert 1 <= epochs < CHANGES["train.epochs"]
    assert history.startswith(paths.TRAIN_HISTORY.read_bytes())
    assert by_class.startswith(paths.TRAIN_IOU.read_bytes())
    last = json.loads(paths.TRAIN.read_text())
    row = pd.read_csv(paths.TRAIN_HISTORY).iloc[-1]
    assert [last[key] for key in ("epoch", "loss", "miou")] == [row[key] for key in ("epoch", "loss", "miou")]


def test_asked_to_stop(undisturbed):
    for number in (signal.SIGINT, signal.SIGTERM):  # the second one in a training that has gone on
        code, errors = stop(number)
        check_live_files(undisturbed)
        assert code == 128 + number
        last = errors.splitlines()[-1]
        assert re.fullmatch(r"error: interrupted in epoch \d; the next run goes on from there", last)
        assert "Traceback" not in errors
    output, outputs = trained()
    assert "goes on in epoch" in output
    assert outputs == undisturbed


def test_parameters_that_change_under_dvc_stop_it_before_its_state_goes(undisturbed, monkeypatch):
    shutil.copy(ROOT / "dvc.yaml", paths.PIPELINE)
    monkeypatch.setenv("DVC_STAGE", "train")
    paths.PARAMS_TAKEN.parent.mkdir(parents=True, exist_ok=True)
    paths.PARAMS_TAKEN.write_text(yaml.safe_dump(read_params()))
    process = start()
    wait_for_a_state(process, states())
    set_params(**CHANGES | {"train.lr": 0.002})
    _, errors = process.communicate(timeout=300)
    set_params(**CHANGES)
    paths.PIPELINE.unlink()
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith("error: params.yaml: train.lr is 0.002, and was None when it was checked")
    assert not paths.MODEL.exists()
    output, outputs = trained()
    assert "goes on in epoch 7" in output  # all that is left is to write
    assert outputs == undisturbed


def test_another_training_is_not_taken(undisturbed):
    stop(signal.SIGTERM)
    kept = states()
    set_params(**CHANGES | {"train.lr": 0.002})
    output, outputs = trained()
    assert "goes on" not in output
    assert outputs != undisturbed
    assert states() == kept
