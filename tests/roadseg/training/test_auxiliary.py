"""The second head: its logits from the encoder's features, its share of the loss, and that it is not kept."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate

from roadseg.networks.catalogue import build_model
from roadseg.pipeline.errors import UserError
from roadseg.training.auxiliary import with_auxiliary


def mean_square(logits, targets):
    return logits.square().mean()


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_model("row", {"arch": "Segformer", "encoder": "resnet18"}, 19).eval()


def test_the_loss_has_its_share_of_the_second_heads_cross_entropy(network):
    both, loss = with_auxiliary(network, 0.4, mean_square, lambda x: x)
    both.train()
    network.eval()  # the same features at both calls
    images, targets = torch.randn(2, 3, 64, 96), torch.randint(0, 19, (2, 64, 96))
    logits = both(images)
    features = network.encoder(images)[-2]
    assert features.shape[-2:] == (4, 6)
    auxiliary = interpolate(both.head(features), (64, 96), mode="bilinear", align_corners=False)
    expected = logits.square().mean() + 0.4 * cross_entropy(auxiliary, targets)
    value = loss(logits, targets)
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    value.backward()
    assert both.head.weight.grad.abs().max() > 0


def test_it_changes_neither_the_prediction_nor_the_weights_kept(network):
    images, names = torch.randn(1, 3, 64, 96), list(network.state_dict())
    expected = network(images)
    both, _ = with_auxiliary(network, 0.4, mean_square, lambda x: x)
    assert both.eval()(images).equal(expected)
    assert list(network.state_dict()) == names
    assert len(list(both.parameters())) == len(list(network.parameters())) + 2
    assert not network.encoder._forward_hooks


def test_networks_without_such_an_encoder_are_refused():
    with pytest.raises(UserError, match=r"train\.aux: 0\.4 is about the encoder, but Conv2d has none"):
        with_auxiliary(nn.Conv2d(3, 2, 1), 0.4, mean_square, lambda x: x)
    network = nn.Module()
    network.encoder = nn.Conv2d(3, 2, 1)
    del network.encoder.out_channels
    with pytest.raises(UserError, match=r"train\.aux: 0\.4 needs one of smp's encoders, not Conv2d; set it to 0"):
        with_auxiliary(network, 0.4, mean_square, lambda x: x)
