"""Memory that is freed stays with the process once that is asked for."""

import subprocess
import sys

import pytest
from conftest import ROOT

SRC = ROOT / "src"
# page faults of ten allocations of 64 MiB, each freed before the next
MEASURE = """
import ctypes, resource, sys
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: pages of one size, whatever the system is set to
sys.path.insert(0, sys.argv[1])
import numpy as np
from roadseg.networks.memory import keep_freed_memory
if sys.argv[2] == "keep":
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.full(1 << 26, 1, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone has this")
def test_freed_memory_is_taken_again_without_page_faults():
    faults = {
        how: int(subprocess.run([sys.executable, "-c", MEASURE, SRC, how], capture_output=True, check=True).stdout)
        for how in ("give back", "keep")
    }
    assert faults["keep"] < faults["give back"] / 3
