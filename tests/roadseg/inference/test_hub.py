"""`config.json` against the one that smp writes, and against what smp builds from it."""

import json

import pytest
import segmentation_models_pytorch as smp
import torch
from conftest import PARAMS

from roadseg.inference.hub import hub_config, is_smp
from roadseg.networks.catalogue import build_model
from roadseg.networks.weights import save_weights

ROWS = PARAMS["models"]


@pytest.mark.parametrize("name", ["resnet18_slim_segformer", "mobilenet_v2_segformer"])
def test_smp_builds_its_networks_from_a_folder(name, tmp_path):
    network = build_model(name, ROWS[name], 7)
    save_weights(tmp_path / "model.safetensors", network.state_dict())
    (tmp_path / "config.json").write_text(json.dumps(hub_config(network, name, ROWS[name])))
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
