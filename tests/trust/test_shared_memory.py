"""Training in a real /dev/shm of a few kilobytes, where the machine lets a test mount one."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT
from small_project import set_params

import class_weights
import fetch_data
import fetch_pretrained
from roadseg.pipeline import paths

TRAIN = [sys.executable, str(ROOT / "src" / "train.py")]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("ROADSEG_TRUST" not in os.environ, reason="a part of `make trust`"),
]


def in_small_memory(size, command):
    """Run a command with a /dev/shm of that size, seen by it alone."""
    mount = f'mount -t tmpfs -o size={size} tmpfs /dev/shm && exec "$@"'
    return subprocess.run(["unshare", "-m", "sh", "-c", mount, "sh", *command], capture_output=True, text=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project, and what training gives in it with room enough."""
    if in_small_memory("64k", ["true"]).returncode:
        pytest.skip("no /dev/shm can be mounted here")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("project"))
        patch.setenv("ROADSEG_WORKERS", "2")
        set_params()
        for stage in (fetch_data, fetch_pretrained, class_weights):
            stage.main()
        subprocess.run(TRAIN, check=True, capture_output=True)
        yield paths.MODEL.read_bytes()


@pytest.mark.parametrize("size", ["16k", "64k", "256k", "1m"])
def test_trains_as_ever(trained, size):
    paths.MODEL.unlink(missing_ok=True)
    done = in_small_memory(size, TRAIN)
    assert done.returncode == 0, done.stderr
    assert "/dev/shm has too little room: the training makes the batches" in done.stdout
    assert paths.MODEL.read_bytes() == trained


def test_trains_in_a_full_one(trained):
    paths.MODEL.unlink(missing_ok=True)
    fill = "dd if=/dev/zero of=/dev/shm/full 2>/dev/null; "
    done = in_small_memory("8m", ["sh", "-c", fill + 'exec "$@"', "sh", *TRAIN])
    assert done.returncode == 0, done.stderr
    assert paths.MODEL.read_bytes() == trained
