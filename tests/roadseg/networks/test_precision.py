"""Half precision only where the device computes in it, and memory that is taken again."""

import subprocess
import sys

import pytest
import torch
from conftest import ROOT

from roadseg.networks.precision import depthwise_in_float32, supported_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("capabilities", "given"),
    [({"avx512_bf16": True}, "bf16-mixed"), ({"amx_bf16": True}, "bf16-mixed"), ({"avx2": True}, "32-true")],
)
def test_bfloat16_on_a_cpu(monkeypatch, capabilities, given):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: capabilities)
    assert supported_precision("bf16-mixed", CPU) == given


@pytest.mark.parametrize(("in_hardware", "given"), [(True, "bf16-mixed"), (False, "32-true")])
def test_bfloat16_on_a_gpu(monkeypatch, in_hardware, given):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **_: in_hardware)
    assert supported_precision("bf16-mixed", CUDA) == given


def test_float16_needs_a_gpu_and_float32_nothing():
    assert supported_precision("16-mixed", CPU) == "32-true"
    assert supported_precision("16-mixed", CUDA) == "16-mixed"
    assert supported_precision("32-true", CPU) == supported_precision("32-true", CUDA) == "32-true"


def test_depthwise_convolutions_alone_are_widened():
    depthwise, pointwise = torch.nn.Conv2d(4, 4, 3, groups=4), torch.nn.Conv2d(4, 4, 1)
    images = torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    exact = depthwise(images)
    network = torch.nn.Sequential(depthwise, pointwise)
    depthwise_in_float32(network, "32-true", CPU)
    assert "forward" not in vars(depthwise)
    depthwise_in_float32(network, "bf16-mixed", CPU)
    assert "forward" not in vars(pointwise)
    with torch.autocast("cpu", torch.bfloat16):
        assert depthwise(images).equal(exact)
        assert pointwise(images).dtype == torch.bfloat16
        assert depthwise(images.bfloat16()).dtype == torch.bfloat16
    assert list(network.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


SRC = ROOT / "src"
# page faults of ten allocations of 64 MiB, each freed before the next
MEASURE = """
import ctypes, resource, sys
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE: pages of one size, whatever the system is set to
sys.path.insert(0, sys.argv[1])
import numpy as np
from roadseg.networks.precision import reuse_freed_memory
if sys.argv[2] == "keep":
    reuse_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.full(1 << 26, 1, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone has this")
@pytest.mark.slow
def test_freed_memory_is_taken_again_without_page_faults():
    faults = {
        how: int(subprocess.run([sys.executable, "-c", MEASURE, SRC, how], capture_output=True, check=True).stdout)
        for how in ("give back", "keep")
    }
    assert faults["keep"] < faults["give back"] / 3
