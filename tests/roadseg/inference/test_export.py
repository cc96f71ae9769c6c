"""ONNX graphs and the engines that run them against the networks that they are of; parity by hand; the hub's config."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import segmentation_models_pytorch as smp
import torch
from torchvision.transforms.v2.functional import normalize

from roadseg.inference import trained
from roadseg.inference.engines import Exported
from roadseg.inference.export import check_parity, compare, hub_config, is_smp
from roadseg.inference.graph import OPSET, export_for_pictures, export_graph
from roadseg.inference.trained import check_engine
from roadseg.networks.catalogue import build_model
from roadseg.networks.weights import save_weights
from roadseg.pipeline.errors import UserError


def small_network():
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.nn.BatchNorm2d(8), torch.nn.SiLU()
    return torch.nn.Sequential(*layers, torch.nn.Conv2d(8, 5, 1)).eval()


@pytest.mark.parametrize("frames", [1, 3])
def test_pictures_go_in_as_they_are_and_the_networks_logits_come_out(frames):
    network = small_network()
    graph = export_for_pictures(network, (8, 12), {"resize": "area"})
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


# --- engines


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_images_of_several_sizes_and_numbers_get_the_networks_logits(engine):
    pytest.importorskip(engine)
    network = small_network()
    exported = Exported(engine, network, bfloat16=False)
    for shape in ((2, 3, 8, 12), (3, 3, 8, 12), (1, 3, 16, 8)):
        images = torch.rand(shape).to(memory_format=torch.channels_last)
        with torch.inference_mode():
            assert torch.allclose(exported(images), network(images), atol=1e-5)


def test_openvino_computes_in_bfloat16_where_that_is_asked_for():
    pytest.importorskip("openvino")
    if not torch.cpu.get_capabilities().get("avx512_bf16"):
        pytest.skip("this processor has no bfloat16")
    network, images = small_network(), torch.rand(1, 3, 64, 64)
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
    monkeypatch.setattr(trained, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(UserError, match=f"^predict.engine is {engine}, but the package {package} is not .*-r {file}`"):
        check_engine(engine)
    check_engine("torch")


# --- parity

LABEL = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.uint8)
PICTURE = np.array([[10, 10, 200, 200], [10, 10, 200, 90]], np.uint8)[..., None].repeat(3, axis=2)
NETWORK_MIOU = (4 / 5 + 3 / 4) / 2  # it misses none of the ones but the 90


def by_brightness(threshold):
    """Logits of two classes: 0, and how much brighter than the threshold the red is."""

    def logits(images):
        red = images[..., 0].astype(np.float32)
        return np.stack([np.zeros_like(red), red - threshold], axis=1)

    return logits


def test_pixels_logits_and_scores_are_compared():
    # the other takes the 90 for a one as well
    parity = compare(by_brightness(100), by_brightness(80), PICTURE[None], [LABEL], "bilinear", 2)
    assert (parity.largest, parity.equal) == (20, 7 / 8)
    assert (parity.network_miou, parity.miou) == pytest.approx((NETWORK_MIOU, 1))
    assert parity.pace > 0
    with pytest.raises(UserError, match=r"^a\.onnx gives other classes than the network: 87\.500 % of the pixels"):
        check_parity(parity, "a.onnx")


def test_pixels_are_compared_at_the_labels_own_sizes():
    labels = [LABEL, LABEL.repeat(3, axis=0).repeat(3, axis=1)]  # nine times each pixel: the same score
    parity = compare(by_brightness(100), by_brightness(100), np.stack([PICTURE] * 2), labels, "class_map", 2)
    assert (parity.largest, parity.equal) == (0, 1)
    assert parity.miou == parity.network_miou == pytest.approx(NETWORK_MIOU)
    check_parity(parity, "a.onnx")


# --- the hub


def test_smp_builds_its_networks_from_a_folder(tmp_path):
    row = {"arch": "Segformer", "encoder": "mobilenet_v2", "kwargs": {"decoder_segmentation_channels": 64}}
    network = build_model("slim", row, 7)
    save_weights(tmp_path / "model.safetensors", network.state_dict())
    (tmp_path / "config.json").write_text(json.dumps(hub_config(network, "slim", row)))
    loaded = smp.from_pretrained(tmp_path)
    assert type(loaded) is type(network)
    weights, expected = loaded.state_dict(), network.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


def test_the_config_is_the_one_that_smp_writes(tmp_path):
    network = smp.Unet("mobilenet_v2", encoder_weights=None, decoder_channels=(32, 16, 8, 8, 4), classes=3)
    network.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == json.loads(json.dumps(hub_config(network, "u", {})))


def test_for_another_network_the_config_is_its_row():
    row = {"arch": "efficientvit_seg_b0"}
    network = build_model("efficientvit_seg_b0", row, 19)
    assert not is_smp(network)
    assert hub_config(network, "efficientvit_seg_b0", row) == {"network": "efficientvit_seg_b0", **row}
