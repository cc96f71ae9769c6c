"""The catalogue's networks have the study's parameters and cost, and refuse rows that describe none."""

import pytest
import torch
import yaml
from conftest import ROOT
from torch.utils.flop_counter import FlopCounterMode

from roadseg.networks.catalogue import build_model
from roadseg.networks.cost import count_flops, count_parameters
from roadseg.pipeline.errors import UserError

CATALOGUE = yaml.safe_load((ROOT / "params.yaml").read_text())["models"]

# docs/study.md, Networks; the baseline's parameters were counted by hand
TABLE = {
    "baseline_segnet": (15_279_747, 66.97),
    "better_segnet": (49_305_075, 304.87),
    "effnet_b3_segformer": (11_194_427, 20.32),
    "mit_b0_segformer": (3_719_027, 15.45),
    "mit_b2_segformer": (27_361_235, 113.38),
    "mit_b2_segformer_256": (24_726_995, 50.50),
    "mit_b3_segformer": (47_237_075, 146.90),
}


@pytest.mark.parametrize("name", TABLE)
def test_parameters_and_cost_are_the_studys(name):
    model = build_model(name, CATALOGUE[name], 19)
    parameters, gflops = TABLE[name]
    assert count_parameters(model) == parameters
    assert round(count_flops(model, 375, 1242, (256, 864)).gflops, 2) == gflops


# published: 0.7 and 4.8 million parameters (mit-han-lab/efficientvit); 706,691 are the tensors of the official file
@pytest.mark.parametrize(
    ("name", "parameters", "size", "gflops"),
    [
        ("efficientvit_seg_b0", 706_691, (1024, 2048), 4.58),
        ("efficientvit_seg_b0", 706_691, (384, 1248), 1.05),
        ("efficientvit_seg_b1", 4_803_443, (1024, 2048), 25.60),
    ],
)
def test_parameters_and_cost_of_efficientvit(name, parameters, size, gflops):
    model = build_model(name, CATALOGUE[name], 19)
    assert count_parameters(model) == parameters
    cost = count_flops(model, *size, (384, 1248))
    assert (round(cost.gflops, 2), cost.counted_at) == (gflops, size)


@pytest.mark.parametrize("size", [(375, 1242), (33, 65), (64, 96)])
def test_efficientvit_takes_any_size_and_answers_at_an_eighth(size):
    model = build_model("b0", CATALOGUE["efficientvit_seg_b0"], 5).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, *size)).shape == (1, 5, -(-size[0] // 8), -(-size[1] // 8))


# counted by others at (1, 3, 375, 1242)
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


@pytest.mark.parametrize("name", NARROW)
def test_cost_of_narrow_decoders(name):
    model = build_model(name, CATALOGUE[name], 19)
    assert count_flops(model, 375, 1242, (384, 1248)).gflops == pytest.approx(NARROW[name], abs=0.3)


# what torch counts as well, each multiply-accumulate as two; fvcore's others are norms and enlargements
PRODUCTS = ("conv", "linear", "addmm", "bmm", "matmul", "scaled_dot_product_attention")


@pytest.mark.parametrize("name", [*sorted(CATALOGUE.keys() - {"mit_b5_segformer"}), "fused"])
def test_products_are_those_that_torchs_own_counter_finds(name):
    # B5 is left out: it is B3 with more blocks
    row = CATALOGUE.get(name) or {"arch": "DPT", "encoder": "tu-vit_tiny_patch16_224"}
    model, size = build_model(name, row, 19).eval(), (224, 224)
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


@pytest.mark.parametrize("name", ["baseline_segnet", "better_segnet", "mobilenet_v2_segformer", "resnet18_segformer"])
def test_logits_have_the_size_of_the_image(name):
    model = build_model(name, CATALOGUE[name], 5).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 64, 96)).shape == (1, 5, 64, 96)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"arch": "SegFormer2", "encoder": "mit_b0"},
            r"models\.x\.arch: 'SegFormer2' is unknown; choose from baseline_segne",
        ),
        ({"arch": "Segformer"}, r"models\.x\.encoder is missing; Segformer needs one"),
        ({"arch": "better_segnet", "encoder": "mit_b0"}, r"models\.x: better_segnet takes neither encoder nor kwargs"),
        (
            {"arch": "Segformer", "encoder": "mit_b9"},
            r"models\.x: smp\.Segformer\('mit_b9', {}\) failed: Wrong encoder na",
        ),
        (
            {"arch": "Segformer", "encoder": "mit_b0", "kwargs": {"width": 3}},
            r"models\.x\.kwargs: Segformer takes no width; it takes encoder_name, .*decoder_segmentation_channels",
        ),
    ],
)
def test_rows_that_describe_no_network_are_reported(row, message):
    with pytest.raises(UserError, match=message):
        build_model("x", row, 19)
