"""A network that another engine runs gives what the network gives, and says which package it lacks."""

import pytest
import torch

from roadseg.inference import packages
from roadseg.inference.exported import Exported
from roadseg.inference.packages import check_engine
from roadseg.pipeline.errors import UserError


def strided_network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.nn.SiLU(), torch.nn.Conv2d(8, 4, 1))


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_images_of_several_sizes_and_numbers_get_the_networks_logits(engine):
    pytest.importorskip(engine)
    network = strided_network()
    exported = Exported(engine, network, bfloat16=False)
    for shape in ((2, 3, 8, 12), (3, 3, 8, 12), (1, 3, 16, 8)):
        images = torch.rand(shape).to(memory_format=torch.channels_last)
        with torch.inference_mode():
            assert torch.allclose(exported(images), network(images), atol=1e-5)


def test_openvino_computes_in_bfloat16_where_that_is_asked_for():
    pytest.importorskip("openvino")
    if not torch.cpu.get_capabilities().get("avx512_bf16"):
        pytest.skip("this processor has no bfloat16")
    network, images = strided_network(), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        apart = (Exported("openvino", network, bfloat16=True)(images) - network(images)).abs().max()
    assert 1e-5 < apart < 0.05


@pytest.mark.parametrize(
    ("engine", "package", "file"),
    [
        ("onnxruntime", "onnxruntime", "requirements.txt"),
        ("openvino", "onnxscript", "requirements.txt"),
        ("openvino", "openvino", "requirements-openvino.txt"),
    ],
)
def test_a_missing_package_is_named_with_the_file_that_brings_it(engine, package, file, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(UserError, match=f"^predict.engine is {engine}, but the package {package} is not .*-r {file}`"):
        check_engine(engine)
    check_engine("torch")
