"""ONNX graphs against the networks that they were made from."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torchvision.transforms.v2.functional import normalize

from roadseg.inference.graph import OPSET, OfPictures, export_graph
from roadseg.pipeline.errors import UserError


def small_network():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Conv2d(8, 5, 1)
    return torch.nn.Sequential(*layers).eval()


@pytest.mark.parametrize("frames", [1, 3])
def test_pictures_go_in_as_they_are_and_the_networks_logits_come_out(frames):
    network = small_network()
    graph = export_graph(OfPictures(network), (1, 8, 12, 3), torch.uint8, {"resize": "area"})
    images = np.random.default_rng(0).integers(0, 256, (frames, 8, 12, 3), np.uint8)
    normal = normalize(torch.from_numpy(images).permute(0, 3, 1, 2) / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    session = onnxruntime.InferenceSession(graph)
    (logits,) = session.run(["logits"], {"images": images})
    assert np.allclose(logits, network(normal).detach().numpy(), atol=1e-5)
    assert session.get_modelmeta().custom_metadata_map["resize"] == "area"


def test_the_file_is_valid_and_of_the_opset_that_is_said():
    model = onnx.load_from_string(export_graph(small_network(), (1, 3, 8, 12), torch.float32, {}))
    onnx.checker.check_model(model)
    assert [entry.version for entry in model.opset_import if entry.domain == ""] == [OPSET]


class Eigenvalues(torch.nn.Module):
    def forward(self, images):
        return torch.linalg.eigvalsh(images)


class Bessel(torch.nn.Module):
    def forward(self, images):
        return torch.special.bessel_j0(images)


@pytest.mark.parametrize(("network", "operator"), [(Eigenvalues(), "aten._linalg_eigh"), (Bessel(), "prims.bessel_j0")])
def test_an_operator_without_a_counterpart_is_named(network, operator):
    with pytest.raises(UserError, match=f"^the network can't be exported to ONNX: its operator {operator} has no coun"):
        export_graph(network, (1, 3, 8, 8), torch.float32, {})
