"""Rows that a later stage could not work with are refused before anything is trained; all others are counted."""

import pytest
import segmentation_models_pytorch as smp
import torch
from torch import nn

from roadseg.networks.catalogue import build_model
from roadseg.networks.cost import count_flops
from roadseg.networks.suitability import check_network, check_smallest_batch
from roadseg.pipeline.errors import UserError

INPUT = 128, 160
ARCHITECTURES = sorted({*smp.MODEL_ARCHITECTURES_MAPPING} - {"dpt"})  # a ViT takes one size, see below


def build(arch, encoder="resnet18", **kwargs):
    return build_model("x", {"arch": arch, "encoder": encoder, "kwargs": kwargs}, 5)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_architectures_of_smp_pass_and_can_be_counted_at_the_studys_size(arch):
    network = build(smp.MODEL_ARCHITECTURES_MAPPING[arch].__name__)
    check_network("x", network, 5, *INPUT)
    cost = count_flops(network, 150, 190, INPUT)
    assert cost.counted_at in ((150, 190), (160, 192))
    padded = count_flops(network, 160, 192, INPUT)
    if cost.counted_at == (160, 192):
        assert cost.gflops == pytest.approx(padded.gflops * 150 * 190 / (160 * 192))
    else:
        assert 0.5 < cost.gflops / padded.gflops < 1


def test_a_size_that_skips_cannot_follow_is_counted_at_the_next_one():
    assert count_flops(build("FPN"), 150, 190, INPUT).counted_at == (160, 192)
    assert count_flops(build("Unet"), 150, 190, INPUT).counted_at == (150, 190)


def test_a_network_of_one_size_is_counted_there_and_refused_elsewhere():
    network = build("DPT", "tu-vit_tiny_patch16_224")
    check_network("x", network, 5, 224, 224)
    cost = count_flops(network, 375, 1242, (224, 224))
    assert cost.counted_at == (224, 224)
    with pytest.raises(UserError, match=r"models\.x: the network can't take an input of 128x160 \(Input height"):
        check_network("x", network, 5, *INPUT)
    with pytest.raises(UserError, match="can be counted neither at 375x1242 nor at its input size"):
        count_flops(network, 375, 1242, INPUT)


def test_the_check_leaves_the_network_as_it_is():
    network = build("Segformer")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    check_network("x", network, 5, *INPUT)
    check_smallest_batch("x", network, 1, *INPUT)
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())


class Pair(nn.Module):
    def forward(self, images):
        return images, images


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Pair(), "the network returns a tuple, not logits alone"),
        (nn.Conv2d(4, 5, 1), r"the network can't take an input of 128x160 \("),
        (nn.Conv2d(3, 4, 1), r"gives \(1, 4, 128, 160\), not \(1, 5, 128, 160\)"),
        (nn.Conv2d(3, 5, 1, stride=16), r"gives \(1, 5, 8, 10\), not .* smaller by up to 8; change the row's kwargs"),
        (nn.Conv2d(3, 5, 1, stride=(2, 4)), r"gives \(1, 5, 64, 40\), not \(1, 5, 128, 160\)"),
    ],
)
def test_other_networks_are_refused_in_one_line(network, message):
    with pytest.raises(UserError, match=rf"^models\.x: .*{message}.*$"):
        check_network("x", network, 5, *INPUT)


def test_a_smaller_output_passes_and_a_larger_one_is_refused():
    check_network("x", build("PSPNet", upsampling=4), 5, *INPUT)
    with pytest.raises(UserError, match=r"gives \(1, 5, 256, 320\), not .*, for example upsampling"):
        check_network("x", build("PSPNet", upsampling=16), 5, *INPUT)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"aux_params": {"classes": 4}}, r"kwargs\.aux_params: .* can't be used: .* take logits alone; remove it"),
        ({"in_channels": 4}, r"kwargs\.in_channels: 4 can't be used: frames have 3 channels; remove it"),
        ({"activation": "softmax2d"}, r"kwargs\.activation: 'softmax2d' can't be used: .* take logits; remove it"),
        ({"classes": 3}, r"kwargs\.classes: 3 can't be used: the number of classes is that of the data"),
        ({"encoder_weights": "imagenet"}, r"kwargs\.encoder_weights: 'imagenet' .*: set pretrained in place of it"),
        ({"decoder_widths": 3}, r"kwargs: Unet takes no decoder_widths; it takes "),
    ],
)
def test_keywords_that_the_stages_cannot_work_with(kwargs, message):
    with pytest.raises(UserError, match=rf"^models\.x\.{message}"):
        build("Unet", **kwargs)


def test_harmless_values_of_these_keywords_are_allowed():
    build("Unet", in_channels=3, activation=None, aux_params=None)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ("tu-resnet_18", r"Unknown model \(resnet_18\); did you mean .*resnet18"),
        ("resnet8", r"Wrong encoder name `resnet8`.*; did you mean .*resnet18"),
        ("tu-hf_hub:evil/repo", "names a repository or folder; name an encoder of smp or timm"),
        ("tu-local-dir:folder/x", "names a repository or folder"),
    ],
)
def test_encoders_that_do_not_exist_or_lie_elsewhere(encoder, message):
    with pytest.raises(UserError, match=message):
        build("Unet", encoder)


def test_a_single_frame_is_refused_where_a_norm_needs_two():
    for arch in ("DeepLabV3", "PAN"):
        check_smallest_batch("x", build(arch), 2, *INPUT)
        with pytest.raises(UserError, match=r"leaves a batch of a single frame, and models\.x can't train on one"):
            check_smallest_batch("x", build(arch), 1, *INPUT)
    check_smallest_batch("x", build("FPN"), 1, *INPUT)
    network = build("FPN").train()
    assert torch.isfinite(network(torch.zeros(1, 3, *INPUT))).all()
