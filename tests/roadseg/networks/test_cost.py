"""Costs against torch's own counter, values by hand, and a clock that the timed items move themselves."""

import pytest
import torch
from conftest import PARAMS
from torch.utils.flop_counter import FlopCounterMode

from roadseg.networks.catalogue import build_model
from roadseg.networks.cost import Timed, count_flops

CATALOGUE = PARAMS["models"]
# counted by others for one 375x1242 image
NARROW = {
    "mobilenet_v2_segformer": 13.7,
    "mobilenet_v2_segformer_64": 3.8,
    "mit_b0_segformer_64": 8.0,
    "efficientvit_b0_segformer_64": 1.5,
    "efficientvit_b1_segformer_64": 5.4,
    "mobilenetv3_small_segformer_64": 1.4,
    "mobilenetv3_small_segformer_32": 0.9,
    "mobilenetv4_small_segformer_64": 2.8,
}
# what torch counts as well, each multiply-accumulate as two; fvcore's others are norms and upsampling
PRODUCTS = ("conv", "linear", "addmm", "bmm", "matmul", "scaled_dot_product_attention")
FUSED = {"arch": "DPT", "encoder": "tu-vit_tiny_patch16_224"}  # its attention is one operator


@pytest.mark.parametrize("name", NARROW)
def test_cost_of_narrow_decoders(name):
    model = build_model(name, CATALOGUE[name], 19)
    assert count_flops(model, 375, 1242, (384, 1248)).gflops == pytest.approx(NARROW[name], abs=0.3)


# one network of each kind
KINDS = [
    "baseline_segnet", "better_segnet", "resnet18_slim_segformer", "effnet_b3_segformer", "mit_b0_segformer",
    "efficientvit_seg_b0", "efficientvit_b0_segformer_64", "mobilenetv3_small_segformer_32",
    "mobilenetv4_small_segformer_64", "fused",
]  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_products_are_those_that_torchs_own_counter_finds(name):
    model, size = build_model(name, CATALOGUE.get(name, FUSED), 19).eval(), (224, 224)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(torch.zeros(1, 3, *size))
    found = count_flops(model, *size, size)
    products = sum(found.by_operator.get(kind, 0) for kind in PRODUCTS)
    assert products == pytest.approx(counter.get_total_flops() / 2e9, rel=1e-3)


def test_fused_attention_is_in_the_cost():
    class Attention(torch.nn.Module):
        def forward(self, images):
            tokens = images.flatten(2).transpose(1, 2)[..., :1].expand(-1, -1, 8)
            return torch.nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)

    found = count_flops(Attention(), 4, 6, (4, 6))
    assert found.gflops == 2 * 24 * 24 * 8 / 1e9
    assert "aten::scaled_dot_product_attention" not in found.uncounted


def test_cost_of_one_convolution_by_hand():
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3, padding=1), torch.nn.GELU(), torch.nn.Conv2d(5, 2, 1))
    cost = count_flops(model, 8, 10, (8, 10))
    first, last = 8 * 10 * 5 * 3 * 9, 8 * 10 * 2 * 5  # multiply-accumulates
    assert cost.gflops == (first + last) / 1e9
    assert cost.by_module == pytest.approx({"0": first / (first + last), "2": last / (first + last)})
    assert cost.uncounted == {"aten::gelu": 1}


@pytest.mark.parametrize(
    ("durations", "warm_up", "expected"),
    [((9.0, 0.5, 0.25, 0.25), 1, 3.0), ((2.0, 2.0), 2, 0.5), ((2.0,), 4, 0.5), ((9.0, 9.0, 4.0, 0.0), 2, 0.5)],
)
def test_frames_per_second(durations, warm_up, expected):
    now = [0.0]

    def items():
        for seconds in durations:
            now[0] += seconds
            yield seconds

    timed, taken = Timed(items(), warm_up, lambda: now[0]), []
    for item in timed:
        taken.append(item)
        now[0] += 100.0  # what is done with it
    assert taken == list(durations)
    assert timed.per_second == pytest.approx(expected)
