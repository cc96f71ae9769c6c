"""The catalogue's networks have the study's parameters, and rows that a later stage can't work with are refused."""

import subprocess
import sys

import pytest
import segmentation_models_pytorch as smp
import torch
from conftest import PARAMS, ROOT
from torch import nn

from roadseg.networks.catalogue import build_model, check_network, check_smallest_batch
from roadseg.networks.cost import count_flops, count_parameters
from roadseg.pipeline.errors import UserError

CATALOGUE = PARAMS["models"]
INPUT = 128, 160
ARCHITECTURES = sorted({*smp.MODEL_ARCHITECTURES_MAPPING} - {"dpt"})  # a ViT takes one size, see below


def build(arch, encoder="resnet18", **kwargs):
    return build_model("x", {"arch": arch, "encoder": encoder, "kwargs": kwargs}, 5)


# parameters and GFLOPs of one 375x1242 image: docs/study.md, Networks; the baseline's parameters were counted by hand
STUDY = {
    "baseline_segnet": (15_279_747, 66.97),
    "better_segnet": (49_305_075, 304.87),
    "effnet_b3_segformer": (11_194_427, 20.32),
    "mit_b0_segformer": (3_719_027, 15.45),
    "mit_b2_segformer": (27_361_235, 113.38),
    "mit_b2_segformer_256": (24_726_995, 50.50),
    "mit_b3_segformer": (47_237_075, 146.90),
}


@pytest.mark.parametrize("name", STUDY)
def test_parameters_and_cost_are_the_studys(name):
    model = build_model(name, CATALOGUE[name], 19)
    found = count_parameters(model), round(count_flops(model, 375, 1242, (256, 864)).gflops, 2)
    assert found == STUDY[name]


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
    cost = count_flops(model, *size, (384, 1248))
    assert (count_parameters(model), round(cost.gflops, 2), cost.counted_at) == (parameters, gflops, size)


@pytest.mark.parametrize("size", [(375, 1242), (33, 65), (64, 96)])
def test_efficientvit_takes_any_size_and_answers_at_an_eighth(size):
    model = build_model("b0", CATALOGUE["efficientvit_seg_b0"], 5).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, *size)).shape == (1, 5, -(-size[0] // 8), -(-size[1] // 8))


@pytest.mark.parametrize("name", ["baseline_segnet", "better_segnet", "mobilenet_v2_segformer", "resnet18_segformer"])
def test_logits_have_the_size_of_the_image(name):
    model = build_model(name, CATALOGUE[name], 5).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 64, 96)).shape == (1, 5, 64, 96)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_architectures_of_smp_pass_and_can_be_counted_at_the_studys_size(arch):
    network = build(smp.MODEL_ARCHITECTURES_MAPPING[arch].__name__)
    check_network("x", network, 5, *INPUT)
    cost, padded = (count_flops(network, *size, INPUT) for size in ((150, 190), (160, 192)))
    if cost.counted_at == (160, 192):  # whose skips don't fit otherwise
        assert cost.gflops == pytest.approx(padded.gflops * 150 * 190 / (160 * 192))
    else:
        assert cost.counted_at == (150, 190)
        assert 0.5 < cost.gflops / padded.gflops < 1


def test_a_network_of_one_size_is_counted_there_and_refused_elsewhere():
    network = build("DPT", "tu-vit_tiny_patch16_224")
    check_network("x", network, 5, 224, 224)
    assert count_flops(network, 375, 1242, (224, 224)).counted_at == (224, 224)
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
        (nn.Upsample(scale_factor=4), r"gives \(1, 3, 512, 640\), not .*, for example upsampling"),
    ],
)
def test_networks_that_give_no_logits_are_refused_in_one_line(network, message):
    with pytest.raises(UserError, match=rf"^models\.x: .*{message}.*$"):
        check_network("x", network, 5, *INPUT)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"arch": "SegFormer2"}, r"\.arch: 'SegFormer2' is unknown; choose from baseline_segne"),
        ({"encoder": None}, r"\.encoder is missing; Segformer needs one"),
        ({"arch": "better_segnet"}, ": better_segnet takes neither encoder nor kwargs"),
        ({"encoder": "mit_b9"}, r": smp\.Segformer\('mit_b9', {}\) failed: Wrong encoder name.*did you mean .*mit_b3"),
        ({"encoder": "tu-resnet_18"}, r".*Unknown model \(resnet_18\); did you mean .*resnet18"),
        ({"encoder": "tu-hf_hub:evil/repo"}, r".* names a repository or folder; name an encoder of smp or timm"),
        ({"encoder": "tu-local-dir:folder/x"}, r".* names a repository or folder"),
        ({"kwargs": {"width": 3}}, r"\.kwargs: Segformer takes no width; it takes encoder_name, .*decoder_segm"),
        (
            {"kwargs": {"classes": 3}},
            r": smp\.Segformer\(.*\) failed: .* multiple values for keyword argument 'classes",
        ),
        ({"kwargs": {"activation": "softmax2d"}}, r"\.kwargs\.activation: 'softmax2d' can't be used: .*; remove it"),
    ],
)
def test_rows_that_describe_no_network_are_refused(row, message):
    with pytest.raises(UserError, match=rf"^models\.x{message}"):
        build_model("x", {"arch": "Segformer", "encoder": "mit_b0"} | row, 19)


@pytest.mark.parametrize("kwargs", [{"in_channels": 4}, {"aux_params": {"classes": 4}}])
def test_arguments_that_make_another_network_are_found_by_the_check(kwargs):
    with pytest.raises(UserError, match=r"^models\.x: the network .*change .*the row's kwargs$"):
        check_network("x", build("Unet", **kwargs), 5, *INPUT)


def test_a_single_frame_is_refused_where_a_norm_needs_two():
    for arch in ("DeepLabV3", "PAN"):
        check_smallest_batch("x", build(arch), 2, *INPUT)
        with pytest.raises(UserError, match=r"leaves a batch of a single frame, and models\.x can't train on one"):
            check_smallest_batch("x", build(arch), 1, *INPUT)
    check_smallest_batch("x", build("FPN"), 1, *INPUT)


WITHOUT_SMP = """
import sys
import roadseg.networks.fitting, roadseg.networks.prediction, roadseg.networks.sources
from roadseg.networks.catalogue import build_model
build_model("x", {"arch": "baseline_segnet"}, 3)
assert not {"timm", "segmentation_models_pytorch"} & {*sys.modules}
build_model("x", {"arch": "efficientvit_seg_b0"}, 3)
assert "segmentation_models_pytorch" not in sys.modules
"""


@pytest.mark.slow
def test_smp_and_timm_are_imported_where_a_network_of_theirs_is_built():
    subprocess.run([sys.executable, "-c", WITHOUT_SMP], cwd=ROOT / "src", check=True)
