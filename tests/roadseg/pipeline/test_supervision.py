"""A stage ends with the DVC that started it, and a second one in the same folder is refused."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from conftest import ROOT

SRC = ROOT / "src"
pytestmark = pytest.mark.slow
STAGE = """
import sys, time
sys.path.insert(0, {src!r})
from roadseg.pipeline.stage import replacing, run_stage
from pathlib import Path
def main():
    with replacing(Path("out")) as temporary:
        temporary.write_text("half")
        Path("started").write_text("x")
        time.sleep({seconds})
run_stage(main)
"""
# as DVC does: a shell runs the command, and may or may not replace itself by it
CALLER = """
import subprocess, sys
subprocess.run(["/bin/sh", "-c", sys.argv[1]])
"""


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def stage(tmp_path):
    """Write the stage's script, and return how to start it in the test's folder."""
    script = tmp_path / "stage.py"

    def start(seconds, caller=None):
        script.write_text(STAGE.format(src=str(SRC), seconds=seconds))
        command = [sys.executable, str(script)]
        words = command if caller is None else [sys.executable, "-c", CALLER, caller.format(" ".join(command))]
        environment = os.environ | {"DVC_STAGE": "train"}
        return subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)

    return start


@pytest.mark.parametrize("caller", ["exec {}", "{}; true", "trap '' INT; exec {}"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_stage_ends_with_its_caller_and_leaves_nothing(stage, tmp_path, caller, how):
    process = stage(60, caller)
    wait_for((tmp_path / "started").exists)
    below = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    process.communicate(timeout=20)
    _, alive = psutil.wait_procs(below, timeout=10)
    assert not alive
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stage.py", "started"]


def test_a_second_stage_in_the_folder_is_refused_until_the_first_has_ended(stage, tmp_path):
    first = stage(60)
    wait_for((tmp_path / "started").exists)
    second = stage(0)
    _, errors = second.communicate(timeout=20)
    assert second.returncode == 1
    assert errors.startswith(f"error: another stage is at work in {tmp_path}; wait for it, or end it")
    assert errors.count("\n") == 1
    first.terminate()
    _, errors = first.communicate(timeout=20)
    assert first.returncode == 128 + signal.SIGTERM
    assert errors == "error: interrupted; the outputs are those of before, or are made again by the next run\n"
    third = stage(0)
    third.communicate(timeout=20)
    assert third.returncode == 0
    assert (tmp_path / "out").read_text() == "half"


def test_processes_that_share_a_training_do_not_lock_each_other_out(stage, tmp_path, monkeypatch):
    first = stage(60)
    wait_for((tmp_path / "started").exists)
    monkeypatch.setenv("LOCAL_RANK", "1")
    second = stage(0)
    second.communicate(timeout=20)
    assert second.returncode == 0
    first.kill()
    first.communicate(timeout=20)


def test_a_terminated_stage_leaves_nothing(stage, tmp_path):
    process = stage(60)
    wait_for((tmp_path / "started").exists)
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    assert errors.startswith("error: interrupted")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stage.py", "started"]
