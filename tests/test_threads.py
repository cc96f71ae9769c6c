"""The number of threads decides how sums are rounded; `train.threads` makes it a parameter."""

import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT
from small_project import set_params

from roadseg.pipeline import paths

pytestmark = pytest.mark.slow


def trained(cores, threads):
    """The weights, and what they were trained on, where the environment allows so many threads."""
    set_params(**{"train.epochs": 1, "train.threads": threads})
    environment = os.environ | {"OMP_NUM_THREADS": str(cores)}
    script = [sys.executable, str(ROOT / "src" / "train.py")]
    subprocess.run(script, env=environment, check=True, capture_output=True)
    return paths.MODEL.read_bytes(), json.loads(paths.TRAIN.read_text())["device"]


def test_a_number_makes_the_result_that_of_so_many_threads_on_any_machine(project):
    alone, device = trained(1, "machine")
    assert device.startswith("cpu with 1 thread,")
    assert trained(3, 1) == (alone, device)
    both, device = trained(1, 2)
    assert device.startswith("cpu with 2 threads,")
    assert both != alone  # else this would show nothing
