"""What rare classes lose is how much less probable they have become; the bias of their logits gets it back."""

import numpy as np
import pytest
import torch
from conftest import PARAMS
from lightning_fabric import Fabric
from torch import nn

from roadseg.networks.catalogue import build_model
from roadseg.pipeline.errors import UserError
from roadseg.training.logit_adjustment import RARE, mean_probabilities, rise_of_rare
from roadseg.training.preparation import bias_of_logits

CATALOGUE = PARAMS["models"]


def test_probabilities_are_the_mean_over_all_pixels_of_all_images():
    images = np.random.default_rng(1).integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.Dropout(0.9))  # which is off here
    found = mean_probabilities(Fabric(accelerator="cpu"), network, images, 5)
    pixels = (images.reshape(-1, 3) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    weight, bias = (parameter.detach().double().numpy() for parameter in network.parameters())
    powers = np.exp(pixels @ weight[:, :, 0, 0].T + bias)
    assert found.tolist() == pytest.approx((powers / powers.sum(axis=1, keepdims=True)).mean(axis=0).tolist())


def test_what_a_rare_class_has_sunk_is_what_brings_its_mean_probability_back():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(10_000, 3, generator=generator) + torch.tensor([0.0, -1.0, -14.0])
    after = logits.softmax(1).mean(0)
    before = after * torch.tensor([1.0, 2.0, 8.0])
    rise = rise_of_rare(before, after, torch.tensor([0.9, 0.1, 0.0]))
    assert rise[:2].max() < 0.004  # a common class hardly rises
    rise[2] -= 1  # it rises above where it was
    assert (logits + rise).softmax(1).mean(0)[2].item() == pytest.approx(before[2].item(), rel=5e-3)


def test_what_has_risen_is_not_lowered_and_what_is_never_probable_stays():
    before, after = torch.tensor([0.001, 0.0, 0.002, 0.004]), torch.tensor([0.003, 0.0, 0.001, 0.001])
    rise = rise_of_rare(before, after, torch.tensor([RARE, 0.0, 3 * RARE, 0.0]))
    assert rise.tolist() == pytest.approx([0, 0, 2 * np.log(2) / 4, np.log(4) + 1])


# baseline_segnet ends in a norm; B4 and B5 are B3 with more blocks
@pytest.mark.parametrize("name", sorted(CATALOGUE.keys() - {"baseline_segnet", "mit_b4_segformer", "mit_b5_segformer"}))
def test_the_bias_is_added_to_the_logits(name):
    model = build_model(name, CATALOGUE[name], 7).eval()
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = model(images)
        model.get_parameter(bias_of_logits(model, 7))[3] += 1.5
        rise = (model(images) - before).mean(dim=(0, 2, 3))
    assert rise.tolist() == pytest.approx([0, 0, 0, 1.5, 0, 0, 0], abs=1e-4)


@pytest.mark.parametrize(
    "last",
    [
        nn.BatchNorm2d(7),
        nn.Conv2d(7, 7, 1, bias=False),
        nn.Conv2d(7, 5, 1),
    ],
)
def test_a_network_that_ends_otherwise_is_refused(last):
    with pytest.raises(UserError, match=r"^train\.logit_adjustment: this network does not end in .*; set it to 0$"):
        bias_of_logits(nn.Sequential(nn.Conv2d(3, 7, 1), last), 7)
