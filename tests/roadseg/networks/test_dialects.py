"""SegFormer under the names that others gave it: told from what their own converters do, in the other direction."""

import re

import pytest
import timm
import torch
from torch import Tensor

from roadseg.networks.catalogue import build_model
from roadseg.networks.dialects import segformer_in_smp_names
from roadseg.networks.fitting import fit_weights

CLASSES = 9
MODEL = build_model("b0", {"arch": "Segformer", "encoder": "mit_b0"}, CLASSES)
STATE = {key: torch.rand(value.shape).to(value.dtype) for key, value in MODEL.state_dict().items()}
ENCODER = {key.removeprefix("encoder."): value for key, value in STATE.items() if key.startswith("encoder.")}


def nvidia() -> dict[str, Tensor]:
    """The names of github.com/NVlabs/SegFormer, with the layer that mmseg's base class leaves unused."""
    tensors = {f"backbone.{key}": value for key, value in ENCODER.items()}
    for kind in ("weight", "bias"):
        for stage in (1, 2, 3, 4):
            tensors[f"decode_head.linear_c{stage}.proj.{kind}"] = STATE[f"decoder.mlp_stage.{4 - stage}.linear.{kind}"]
        tensors[f"decode_head.linear_pred.{kind}"] = STATE[f"segmentation_head.0.{kind}"]
        tensors[f"decode_head.conv_seg.{kind}"] = torch.zeros(CLASSES)
    tensors["decode_head.linear_fuse.conv.weight"] = STATE["decoder.fuse_stage.0.weight"]
    for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        tensors[f"decode_head.linear_fuse.bn.{kind}"] = STATE[f"decoder.fuse_stage.1.{kind}"]
    return tensors


def transformers() -> dict[str, Tensor]:
    """The names of transformers, by the steps of its convert_segformer_original_to_pytorch.py."""
    tensors = {}
    for old, value in nvidia().items():
        key = old.replace("backbone", "segformer.encoder")
        key = re.sub(r"patch_embed(\d)", lambda found: f"patch_embeddings.{int(found[1]) - 1}", key)
        key = key.replace("norm", "layer_norm")
        key = re.sub(r"encoder\.layer_norm(\d)", lambda found: f"encoder.layer_norm.{int(found[1]) - 1}", key)
        key = re.sub(r"layer_norm([12])", r"layer_norm_\1", key)
        key = re.sub(r"block(\d)", lambda found: f"block.{int(found[1]) - 1}", key)
        key = key.replace("attn.q", "attention.self.query").replace("attn.proj", "attention.output.dense")
        key = key.replace("attn", "attention.self").replace("fc1", "dense1").replace("fc2", "dense2")
        key = key.replace("linear_pred", "classifier").replace("linear_fuse.conv", "linear_fuse")
        key = key.replace("linear_fuse.bn", "batch_norm")
        key = re.sub(r"linear_c(\d)", lambda found: f"linear_c.{int(found[1]) - 1}", key)
        if ".kv." in key:
            tensors[key.replace(".kv.", ".key.")], tensors[key.replace(".kv.", ".value.")] = value.chunk(2)
        elif "conv_seg" not in key:
            tensors[key] = value
    return tensors


def mmseg() -> dict[str, Tensor]:
    """The encoder's names in mmseg from 0.19 on, by the steps of its mit2mmseg.py, and its own decoder's."""
    tensors = {"decode_head.convs.0.conv.weight": torch.ones(256, 32, 1, 1), "decode_head.conv_seg.bias": torch.ones(9)}
    for old, value in ENCODER.items():
        if ".attn.kv." in old:
            continue
        key = re.sub(r"patch_embed(\d)\.", lambda found: f"layers.{int(found[1]) - 1}.0.", old)
        key = re.sub(r"block(\d)\.", lambda found: f"layers.{int(found[1]) - 1}.1.", key)
        key = re.sub(r"^norm(\d)\.", lambda found: f"layers.{int(found[1]) - 1}.2.", key)
        key = re.sub(r"\.0\.proj\.", ".0.projection.", key)
        key = key.replace("attn.proj.", "attn.attn.out_proj.").replace("attn.q.", "attn.attn.in_proj_")
        key = key.replace("mlp.", "ffn.layers.").replace("dwconv.dwconv.", "1.")
        joined = torch.cat([value, ENCODER[old.replace(".q.", ".kv.")]]) if ".attn.q." in old else value
        shape = (*value.shape, 1, 1) if re.search(r"fc[12]\.weight", key) else joined.shape
        tensors[f"backbone.{key.replace('fc1.', '0.').replace('fc2.', '4.')}"] = joined.reshape(shape)
    return tensors


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
@pytest.mark.parametrize(("dialect", "unused"), [(nvidia, 2), (transformers, 0)])
def test_the_same_network_under_other_names_fits(dialect, unused: int, prefix: str) -> None:
    fit = fit_weights({prefix + key: value for key, value in dialect().items()}, MODEL, CLASSES)
    assert (fit.part, fit.head, fit.missing, fit.unused) == ("network", (), 0, unused)
    assert all(torch.equal(fit.matched[key], value) for key, value in STATE.items())


def test_the_encoder_of_mmseg_fits() -> None:
    fit = fit_weights(mmseg(), MODEL, CLASSES)
    assert (fit.part, len(fit.matched), fit.unused) == ("encoder", len(ENCODER), 2)
    assert all(torch.equal(fit.matched[f"encoder.{key}"], value) for key, value in ENCODER.items())


@pytest.mark.parametrize("prefix", ["", "segformer.encoder.", "encoder.", "backbone."])
def test_an_encoder_alone_fits(prefix: str) -> None:
    names = {"segformer.encoder.": transformers, "encoder.": transformers, "backbone.": nvidia}.get(prefix, nvidia)
    encoder = {key: value for key, value in names().items() if not key.startswith("decode_head")}
    tensors = {
        prefix + key.removeprefix("segformer.encoder.").removeprefix("backbone."): value
        for key, value in encoder.items()
    }
    fit = fit_weights(tensors | {"classifier.weight": torch.ones(1000, 256)}, MODEL, CLASSES)
    assert (fit.part, len(fit.matched), fit.unused) == ("encoder", 176, 1)
    assert all(torch.equal(fit.matched[f"encoder.{key}"], value) for key, value in ENCODER.items())


def test_a_head_of_other_classes_is_dropped_under_other_names() -> None:
    tensors = transformers() | {"decode_head.classifier.weight": torch.ones(150, 256, 1, 1)}
    fit = fit_weights(tensors | {"decode_head.classifier.bias": torch.ones(150)}, MODEL, CLASSES)
    assert (fit.part, fit.head) == ("network", ("segmentation_head.0.weight", "segmentation_head.0.bias"))


def test_other_networks_keep_their_names() -> None:
    state = build_model("m", {"arch": "Segformer", "encoder": "resnet18"}, CLASSES).state_dict()
    assert segformer_in_smp_names(state).keys() == state.keys()


def test_half_a_pair_stays_as_it_is() -> None:
    tensors = {"block.0.0.attention.self.key.weight": torch.ones(2, 2)}
    assert list(segformer_in_smp_names(tensors)) == ["block1.0.attn.key.weight"]


def public_efficientvit(key: str) -> str:
    """The name in mit-han-lab/efficientvit of a tensor here, told from its modules: op_list, input_stem, output_ops."""
    part, *rest = key.removeprefix("encoder.model.").split(".")
    tail = ".".join(rest)
    if part.startswith("stem"):
        return f"backbone.input_stem.op_list.{0 if part == 'stem_in_conv' else 1}.{tail}"
    if part.startswith("stages_"):
        return f"backbone.stages.{part[-1]}.op_list.{tail.removeprefix('blocks.')}"
    layer, *rest = rest
    if layer == "inputs":
        place = {"0": "2", "1": "1.op_list.0", "2": "0.op_list.0"}[rest[0]]  # the two that are upsampled are sequences
        return ".".join(["head.input_ops", place, *rest[1:]])
    return {
        "blocks": "head.middle.op_list.",
        "expand": "head.output_ops.0.op_list.0.",
        "classifier": "head.output_ops.0.op_list.1.conv.",
    }[layer] + ".".join(rest)


@pytest.mark.parametrize("prefix", ["", "module.", "model._orig_mod."])
@pytest.mark.parametrize("size", ["b0", "b1"])
def test_efficientvit_in_its_public_names_is_the_same_network(size, prefix):
    model = build_model("x", {"arch": f"efficientvit_seg_{size}"}, CLASSES)
    state = {key: torch.rand(value.shape).to(value.dtype) for key, value in model.state_dict().items()}
    fit = fit_weights({prefix + public_efficientvit(key): value for key, value in state.items()}, model, CLASSES)
    assert (fit.part, fit.missing, fit.unused) == ("network", 0, 0)
    assert all(fit.matched[key].equal(value) for key, value in state.items())


def test_timms_efficientvit_is_the_encoder():
    model = build_model("x", {"arch": "efficientvit_seg_b0"}, CLASSES)
    whole = timm.create_model("efficientvit_b0")
    fit = fit_weights(whole.state_dict(), model, CLASSES)
    assert (fit.part, len(fit.matched)) == ("encoder", len(model.encoder.state_dict()))
