"""Half precision only where the device computes in it."""

import pytest
import torch

from roadseg.networks.precision import supported_precision, widen_depthwise

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
    widen_depthwise(network, "32-true", CPU)
    assert "forward" not in vars(depthwise)
    widen_depthwise(network, "bf16-mixed", CPU)
    assert "forward" not in vars(pointwise)
    with torch.autocast("cpu", torch.bfloat16):
        assert depthwise(images).equal(exact)
        assert pointwise(images).dtype == torch.bfloat16
        assert depthwise(images.bfloat16()).dtype == torch.bfloat16
    assert list(network.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
