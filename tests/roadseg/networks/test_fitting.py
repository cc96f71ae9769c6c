"""How tensors fit networks; the counts are those of `tiny`, counted by hand."""

import os
from pathlib import Path

import pytest
import timm
import torch
from torch import Tensor, nn

from roadseg.networks.catalogue import build_model
from roadseg.networks.fitting import fit_weights, rows_that_fit
from roadseg.networks.values import as_network_holds_them
from roadseg.networks.weights import read_tensors
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


PREFIXES = (
    "",
    "module.",
    "model.",
    "_orig_mod.",
    "_orig_mod.module.",
    "model.module.",
    "model._orig_mod.",
    "any.net_2.",
)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_fits_the_same_network_under_a_prefix(prefix: str) -> None:
    source = tiny().state_dict()
    fit = fit_weights({prefix + key: value for key, value in source.items()}, tiny(), CLASSES)
    assert (fit.part, len(fit.matched), fit.head, fit.missing, fit.unused) == ("network", 11, (), 0, 0)
    assert all(torch.equal(fit.matched[key], value) for key, value in source.items())


def test_drops_a_head_of_another_number_of_classes() -> None:
    fit = fit_weights(tiny(classes=5).state_dict(), tiny(), CLASSES)
    assert fit.head == ("segmentation_head.0.weight", "segmentation_head.0.bias")
    assert (fit.part, len(fit.matched), fit.missing, fit.unused) == ("network", 9, 2, 0)


def test_fits_an_encoder_alone_with_its_classifier() -> None:
    encoder = {f"module.{key}": value for key, value in tiny().get_submodule("encoder").state_dict().items()}
    fit = fit_weights({**encoder, "module.fc.weight": torch.ones(1000, 3)}, tiny(), CLASSES)
    assert (fit.part, fit.head, fit.missing, fit.unused, fit.misfits) == ("encoder", (), 4, 1, 0)
    assert sorted(fit.matched) == sorted(key for key in tiny().state_dict() if key.startswith("encoder."))


def test_batch_counters_may_be_missing() -> None:
    source = {key: value for key, value in tiny().state_dict().items() if not key.endswith("num_batches_tracked")}
    fit = fit_weights(source, tiny(), CLASSES)
    assert (fit.part, len(fit.matched), fit.missing) == ("network", 10, 1)


def test_takes_the_encoder_where_the_decoder_is_of_another_width() -> None:
    fit = fit_weights(tiny(width=7).state_dict(), tiny(), CLASSES)
    assert (fit.part, len(fit.matched), fit.missing, fit.unused, fit.misfits) == ("encoder", 7, 4, 4, 4)


@pytest.mark.parametrize(("given", "own"), [(1, 2), (2, 1)])
def test_neither_a_smaller_nor_a_larger_network_fits(given: int, own: int) -> None:
    assert fit_weights(tiny(depth=given).state_dict(), tiny(depth=own), CLASSES).part == "nothing"


def test_takes_the_dtype_of_the_network() -> None:
    fit = fit_weights(tiny().half().state_dict(), tiny(), CLASSES)
    matched = as_network_holds_them(fit.matched, tiny().state_dict())
    assert {key: value.dtype for key, value in matched.items()} == {
        key: value.dtype for key, value in tiny().state_dict().items()
    }


def test_drops_all_that_is_as_wide_as_the_classes() -> None:
    five = build_model("m", {"arch": "baseline_segnet"}, 5).state_dict()
    fit = fit_weights(five, build_model("m", {"arch": "baseline_segnet"}, 19), 19)
    # 19 tensors: the last convolution's weight and bias, and three transposed ones from class to class
    assert (fit.part, len(fit.matched), len(fit.head), fit.missing) == ("network", 14, 5, 5)


def test_tells_mit_b3_from_mit_b2_although_it_holds_all_its_tensors() -> None:
    b3 = weights("mit_b3")
    fit = fit_weights(b3, build_model("mit_b2", ROWS["mit_b2"], CLASSES), CLASSES)
    assert (fit.part, len(fit.matched), fit.missing) == ("nothing", 348, 0)


@pytest.mark.parametrize("prefix", ["", "model."])
def test_other_tensors_of_the_file_do_not_count(prefix: str) -> None:
    state = {prefix + key: value for key, value in tiny().state_dict().items()}
    extra = {
        "mean": torch.zeros(3),
        "std": torch.ones(3),
        "loss_fn.weight": torch.ones(9),
        "n_averaged": torch.ones(()),
    }
    fit = fit_weights({**extra, **state}, tiny(), CLASSES)
    assert (fit.part, len(fit.matched), fit.missing, fit.unused, fit.misfits) == ("network", 11, 0, 4, 0)
    assert fit.own.keys() == tiny().state_dict().keys()


def test_more_of_the_networks_own_modules_counts() -> None:
    state = tiny().state_dict()
    wider = {f"decoder.attention.{number}": torch.ones(1) for number in range(3)}
    fit = fit_weights(state | wider, tiny(), CLASSES)
    assert (fit.part, fit.unused, fit.misfits) == ("encoder", 7, 7)


def test_takes_the_trained_weights_of_two_and_names_the_others() -> None:
    state = tiny().state_dict()
    average = {f"ema_model.{key}": value + 1 for key, value in state.items()}
    fit = fit_weights(average | {f"net.{key}": value for key, value in state.items()}, tiny(), CLASSES)
    assert (fit.part, fit.strip, fit.rivals, fit.unused) == ("network", "net.", ("ema_model.",), 11)
    assert all(torch.equal(fit.matched[key], value) for key, value in state.items())
    assert fit_weights(average, tiny(), CLASSES).strip == "ema_model."


TIMM = {"resnet18": 2, "convnext_atto": 4, "mobilenetv3_small_050": 4}  # what is left over: classifier, last layers


@pytest.mark.parametrize("name", TIMM)
def test_fits_timms_weights_to_the_encoder_that_smp_makes_of_it(name: str) -> None:
    model = build_model("tu", {"arch": "FPN", "encoder": f"tu-{name}"}, CLASSES)
    state = timm.create_model(name).state_dict()
    fit = fit_weights(state, model, CLASSES)
    encoder = {key for key in model.state_dict() if key.startswith("encoder.")}
    assert (fit.part, fit.matched.keys(), fit.unused) == ("encoder", encoder, TIMM[name])
    dotted = {key.replace("_", "."): value for key, value in state.items()}
    for key, value in fit.matched.items():
        assert torch.equal(value, dotted[key.removeprefix("encoder.model.").replace("_", ".")])


def test_fits_timms_weights_where_later_stages_are_left_out() -> None:
    row = {"arch": "Unet", "encoder": "tu-resnet18", "kwargs": {"encoder_depth": 4, "decoder_channels": [8, 8, 8, 8]}}
    fit = fit_weights(timm.create_model("resnet18").state_dict(), build_model("tu", row, CLASSES), CLASSES)
    assert (fit.part, len(fit.matched), fit.unused) == ("encoder", 90, 32)


def test_a_larger_network_of_timm_does_not_fit() -> None:
    model = build_model("tu", {"arch": "FPN", "encoder": "tu-resnet18"}, CLASSES)
    assert fit_weights(timm.create_model("resnet34").state_dict(), model, CLASSES).part == "nothing"


def test_fits_timms_weights_to_smps_own_encoder() -> None:
    model = build_model("own", {"arch": "FPN", "encoder": "resnet18"}, CLASSES)
    fit = fit_weights(timm.create_model("resnet18").state_dict(), model, CLASSES)
    assert (fit.part, len(fit.matched), fit.unused) == ("encoder", 120, 2)


def test_names_the_rows_that_fit() -> None:
    catalogue = ROWS | {"broken": Network(arch="Segformer", encoder="resnet_of_no_kind")}
    rows = rows_that_fit({f"module.{key}": value for key, value in weights("mit_b2_256").items()}, catalogue, CLASSES)
    assert rows == {"network": ["mit_b2_256"], "encoder": ["mit_b2"], "nothing": ["mit_b0", "mit_b3", "mobilenet"]}


@pytest.mark.skipif("ROADSEG_REAL_DATA" not in os.environ, reason="ROADSEG_REAL_DATA names no folder")
def test_fits_a_real_encoder() -> None:
    tensors = read_tensors(Path(os.environ["ROADSEG_REAL_DATA"]) / "mobilenet_v2_imagenet_encoder.pth").tensors
    fit = fit_weights(tensors, build_model("mobilenet", ROWS["mobilenet"], CLASSES), CLASSES)
    assert (fit.part, len(fit.matched), fit.missing, fit.unused) == ("encoder", 312, 18, 0)
