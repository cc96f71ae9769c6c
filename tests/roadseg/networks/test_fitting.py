"""How tensors fit networks; the counts are those of `tiny`, counted by hand."""

import os
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from roadseg.networks.catalogue import build_model
from roadseg.networks.fitting import fit_weights, rows_that_fit, start_tensors
from roadseg.networks.weights import read_tensors
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Network

CLASSES = 9
ROWS = {
    "mit_b0": Network(arch="Segformer", encoder="mit_b0"),
    "mit_b2": Network(arch="Segformer", encoder="mit_b2", kwargs={"decoder_segmentation_channels": 768}),
    "mit_b2_256": Network(arch="Segformer", encoder="mit_b2"),
    "mit_b3": Network(arch="Segformer", encoder="mit_b3", kwargs={"decoder_segmentation_channels": 768}),
    "mobilenet": Network(arch="Segformer", encoder="mobilenet_v2"),
}


def tiny(classes: int = CLASSES, width: int = 6, depth: int = 1) -> nn.Module:
    """A network of 7 tensors in the encoder for each `depth` (one a batch counter), 2 after it, 2 in the head."""
    encoder = [layer for _ in range(depth) for layer in (nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))]
    return nn.ModuleDict({
        "encoder": nn.Sequential(*encoder),
        "decoder": nn.Conv2d(3, width, 1),
        "segmentation_head": nn.Sequential(nn.Conv2d(width, classes, 1)),
    })  # fmt: skip


def weights(row: str) -> dict[str, Tensor]:
    return build_model(row, ROWS[row], CLASSES).state_dict()


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "_orig_mod.module.", "model.module.", "model._orig_mod.", "any.net_2."]
)
def test_fits_the_same_network_under_a_prefix(prefix: str) -> None:
    source = tiny().state_dict()
    fit = fit_weights({prefix + key: value for key, value in source.items()}, tiny(), CLASSES)
    assert (fit.part, len(fit.matched), fit.head, fit.missing, fit.unused) == ("network", 11, (), 0, 0)
    assert all(torch.equal(fit.matched[key], value) for key, value in source.items())


ENCODER = {f"module.{key}": value for key, value in tiny().get_submodule("encoder").state_dict().items()}
WITHOUT_COUNTERS = {key: value for key, value in tiny().state_dict().items() if not key.endswith("batches_tracked")}
WIDER = tiny().state_dict() | {f"decoder.attention.{number}": torch.ones(1) for number in range(3)}
BESIDE = {"mean": torch.zeros(3), "loss_fn.weight": torch.ones(9), "n_averaged": torch.ones(())}


# part, matched, head, missing, unused, other_decoder
@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        pytest.param(tiny(classes=5).state_dict(), ("network", 9, 2, 2, 0, 0), id="another number of classes"),
        pytest.param({**ENCODER, "module.fc.weight": torch.ones(1000, 3)}, ("encoder", 7, 0, 4, 1, 0), id="encoder"),
        pytest.param(WITHOUT_COUNTERS, ("network", 10, 0, 1, 0, 0), id="no batch counters"),
        pytest.param(tiny(width=7).state_dict(), ("encoder", 7, 0, 4, 4, 4), id="a decoder of another width"),
        pytest.param(WIDER, ("encoder", 7, 0, 4, 7, 7), id="more of the network's own modules"),
        pytest.param(BESIDE | tiny().state_dict(), ("network", 11, 0, 0, 3, 0), id="what no module has"),
        pytest.param(tiny(depth=2).state_dict(), ("nothing", 11, 0, 0, 7, 0), id="a larger network"),
        pytest.param({}, ("nothing", 0, 0, 11, 0, 0), id="no tensors"),
    ],
)
def test_counts_what_fits(tensors: dict[str, Tensor], expected: tuple) -> None:
    fit = fit_weights(tensors, tiny(), CLASSES)
    counts = len(fit.matched), len(fit.head), fit.missing, fit.unused, fit.other_decoder
    assert (fit.part, *counts) == expected


def test_a_smaller_network_does_not_fit_a_larger_one() -> None:
    assert fit_weights(tiny().state_dict(), tiny(depth=2), CLASSES).part == "nothing"


def test_drops_all_that_is_as_wide_as_the_classes() -> None:
    five = build_model("m", {"arch": "baseline_segnet"}, 5).state_dict()
    fit = fit_weights(five, build_model("m", {"arch": "baseline_segnet"}, 19), 19)
    # 19 tensors: the last convolution's weight and bias, and three transposed ones from class to class
    assert (fit.part, len(fit.matched), len(fit.head), fit.missing) == ("network", 14, 5, 5)


def test_tells_mit_b3_from_mit_b2_although_it_holds_all_its_tensors() -> None:
    fit = fit_weights(weights("mit_b3"), build_model("mit_b2", ROWS["mit_b2"], CLASSES), CLASSES)
    assert (fit.part, len(fit.matched), fit.missing) == ("nothing", 348, 0)


def test_takes_the_trained_weights_of_two_and_names_the_others() -> None:
    state = tiny().state_dict()
    average = {f"ema_model.{key}": value + 1 for key, value in state.items()}
    fit = fit_weights(average | {f"net.{key}": value for key, value in state.items()}, tiny(), CLASSES)
    assert (fit.part, fit.prefix, fit.other_prefixes, fit.unused) == ("network", "net.", ("ema_model.",), 11)
    assert all(torch.equal(fit.matched[key], value) for key, value in state.items())
    assert fit_weights(average, tiny(), CLASSES).prefix == "ema_model."


# what is left over: the classifier, and layers after the last stage that gives features
@pytest.mark.parametrize(("name", "unused"), [("resnet18", 2), ("convnext_atto", 4), ("mobilenetv3_small_050", 4)])
def test_fits_timms_weights_to_the_encoder_that_smp_makes_of_it(name: str, unused: int) -> None:
    model = build_model("tu", {"arch": "FPN", "encoder": f"tu-{name}"}, CLASSES)
    state = timm.create_model(name).state_dict()
    fit = fit_weights(state, model, CLASSES)
    encoder = {key for key in model.state_dict() if key.startswith("encoder.")}
    assert (fit.part, fit.matched.keys(), fit.unused) == ("encoder", encoder, unused)
    dotted = {key.replace("_", "."): value for key, value in state.items()}
    for key, value in fit.matched.items():
        assert torch.equal(value, dotted[key.removeprefix("encoder.model.").replace("_", ".")])


UNET = {"arch": "Unet", "encoder": "tu-resnet18", "kwargs": {"encoder_depth": 4, "decoder_channels": [8, 8, 8, 8]}}


@pytest.mark.parametrize(
    ("row", "name", "expected"),
    [
        pytest.param(UNET, "resnet18", ("encoder", 90, 32), id="later stages are left out"),
        pytest.param({"arch": "FPN", "encoder": "resnet18"}, "resnet18", ("encoder", 120, 2), id="smp's own encoder"),
        pytest.param({"arch": "FPN", "encoder": "tu-resnet18"}, "resnet34", ("nothing", 120, 98), id="a larger one"),
    ],
)
def test_fits_timms_weights(row: dict, name: str, expected: tuple) -> None:
    fit = fit_weights(timm.create_model(name).state_dict(), build_model("tu", row, CLASSES), CLASSES)
    assert (fit.part, len(fit.matched), fit.unused) == expected


def test_names_the_rows_that_fit() -> None:
    catalogue = ROWS | {"broken": Network(arch="Segformer", encoder="resnet_of_no_kind")}
    rows = rows_that_fit({f"module.{key}": value for key, value in weights("mit_b2_256").items()}, catalogue, CLASSES)
    assert rows == {"network": ["mit_b2_256"], "encoder": ["mit_b2"], "nothing": ["mit_b0", "mit_b3", "mobilenet"]}


@pytest.mark.skipif("ROADSEG_REAL_DATA" not in os.environ, reason="ROADSEG_REAL_DATA names no folder")
def test_fits_a_real_encoder() -> None:
    tensors = read_tensors(Path(os.environ["ROADSEG_REAL_DATA"]) / "mobilenet_v2_imagenet_encoder.pth").tensors
    fit = fit_weights(tensors, build_model("mobilenet", ROWS["mobilenet"], CLASSES), CLASSES)
    assert (fit.part, len(fit.matched), fit.missing, fit.unused) == ("encoder", 312, 18, 0)


# --- values

FIRST, COUNTER = "encoder.0.weight", "encoder.1.num_batches_tracked"


def start_with(key: str, value: Tensor) -> Tensor:
    model = tiny()
    return start_tensors(fit_weights(model.state_dict() | {key: value}, model, CLASSES), model)[key]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_are_taken_in_the_networks_dtype(dtype: torch.dtype) -> None:
    values = torch.arange(-4, 5).reshape(3, 3, 1, 1) / 2
    found = start_with(FIRST, values.to(dtype))
    assert found.dtype == torch.float32
    assert found.equal(values)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.float32])
def test_counters_may_be_integers(dtype: torch.dtype) -> None:
    value = start_with(COUNTER, torch.tensor(7).to(dtype))
    assert (value.item(), value.dtype) == (7, torch.int64)


ONES = torch.ones(3, 3, 1, 1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        *(
            (ONES.to(dtype), f"{str(dtype)[6:]}, where the network has floats; save its weights as float32")
            for dtype in (torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn)
        ),
        *(
            (ONES.to(dtype) * value, "9 of 9 values that are NaN or infinite; take a checkpoint")
            for value in (float("nan"), float("inf"), float("-inf"))
            for dtype in (torch.float16, torch.bfloat16, torch.float64)
        ),
        (ONES.double() * 1e300, "9 of 9 values that are NaN or infinite"),  # in float32
        (ONES.to_sparse(), r"a sparse tensor \(torch\.sparse_coo\); save the dense weights"),
        (ONES.to("meta"), r"no values \(device meta\); save the dense weights, once loaded"),
    ],
)
def test_values_that_a_network_cannot_work_with_are_refused(value: Tensor, message: str) -> None:
    with pytest.raises(UserError, match=rf"^encoder\.0\.weight holds {message}"):
        start_with(FIRST, value)


def test_values_that_do_not_fit_must_be_numbers_too() -> None:
    with pytest.raises(UserError, match=r"^decoder\.bias holds 5 of 5 values that are NaN or infinite"):
        start_with("decoder.bias", torch.full((5,), float("nan")))
    assert start_with("encoder.0.bias", torch.tensor([1e38, -1e-45, 0])).isfinite().all()
