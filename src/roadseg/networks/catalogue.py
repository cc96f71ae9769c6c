"""Networks by the rows of a catalogue: an architecture of segmentation_models_pytorch, or one of this project's own."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import segmentation_models_pytorch as smp
import timm
from pydantic import ValidationError
from torch import nn

from roadseg.networks.efficientvit import EfficientVitSeg
from roadseg.networks.segnet import BaselineSegnet, BetterSegnet
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Network

_OWN: dict[str, Callable[[int], nn.Module]] = {
    "baseline_segnet": BaselineSegnet,
    "better_segnet": BetterSegnet,
    "efficientvit_seg_b0": partial(EfficientVitSeg, "b0"),
    "efficientvit_seg_b1": partial(EfficientVitSeg, "b1"),
    "efficientvit_seg_b2": partial(EfficientVitSeg, "b2"),
}
# keyword arguments of smp that another key here sets, or that the stages can't work with; a harmless value is allowed
_SET_ELSEWHERE = {
    "encoder_name": "set encoder in place of it",
    "encoder_weights": "set pretrained in place of it",
    "classes": "the number of classes is that of the data",
    "in_channels": "frames have 3 channels",
    "activation": "the losses and the prediction take logits",
    "aux_params": "the losses and the prediction take logits alone",
}
_HARMLESS = {"in_channels": (3,), "activation": (None, "identity"), "aux_params": (None,), "encoder_weights": (None,)}
_ENCODERS = smp.encoders.get_encoder_names()
_SMP = {cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()}


def build_model(name: str, spec: Network | Mapping[str, Any], num_classes: int) -> nn.Module:
    """Build the network that a row of the catalogue describes, with random weights.

    `spec` is the row, or a mapping as params.yaml has it: `arch`, and for an smp architecture `encoder` and optional
    `kwargs`. The network maps images (N, 3, H, W) float32 to logits (N, num_classes, h, w) float32, as large as the
    images or smaller by one factor.
    Raises UserError, naming the row, where the row describes no network.

    Example:
        >>> import torch
        >>> model = build_model("small", {"arch": "Segformer", "encoder": "mobilenet_v2"}, num_classes=19).eval()
        >>> model(torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 19, 64, 96])
    """
    row = _checked(name, spec)
    arch, encoder, kwargs = row.arch, row.encoder, row.kwargs
    if arch in _OWN:
        if encoder or kwargs:
            raise UserError(f"models.{name}: {arch} takes neither encoder nor kwargs; remove them")
        return _OWN[arch](num_classes)
    if arch not in _SMP:
        raise UserError(f"models.{name}.arch: {arch!r} is unknown; choose from {', '.join([*_OWN, *sorted(_SMP)])}")
    if encoder is None:
        raise UserError(f"models.{name}.encoder is missing; {arch} needs one, for example resnet34")
    for key, reason in _SET_ELSEWHERE.items():
        if key in kwargs and kwargs[key] not in _HARMLESS.get(key, ()):
            raise UserError(f"models.{name}.kwargs.{key}: {kwargs[key]!r} can't be used: {reason}; remove it")
    kwargs = {key: value for key, value in kwargs.items() if key not in _SET_ELSEWHERE}
    known = inspect.signature(_SMP[arch]).parameters
    unknown = [key for key in kwargs if key not in known]
    timm_encoder = encoder.startswith("tu-")
    if ":" in encoder or "/" in encoder:  # timm would look for it on a hub or in a folder, in each stage that builds it
        raise UserError(
            f"models.{name}.encoder: {encoder!r} names a repository or folder; name an encoder of smp or timm"
        )
    if unknown and not timm_encoder:  # smp hands what it doesn't know to timm's encoders, else drops it
        raise UserError(f"models.{name}.kwargs: {arch} takes no {', '.join(unknown)}; it takes {', '.join(known)}")
    try:
        return _SMP[arch](encoder, encoder_weights=None, classes=num_classes, **kwargs)
    except Exception as error:  # smp and timm raise nearly any class for what they can't build
        reason = " ".join(str(error).strip("\"'").split())[:300].rstrip(".")
        near = difflib.get_close_matches(encoder.removeprefix("tu-"), timm.list_models() if timm_encoder else _ENCODERS)
        hint = f"; did you mean {', '.join(near)}?" if near and near[0] != encoder.removeprefix("tu-") else ""
        raise UserError(f"models.{name}: smp.{arch}({encoder!r}, {kwargs}) failed: {reason}{hint}") from None


def _checked(name: str, spec: Network | Mapping[str, Any]) -> Network:
    try:
        return Network.model_validate(spec)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join([f"models.{name}", *map(str, problem["loc"])])
        raise UserError(f"{key}: {problem['msg'][0].lower() + problem['msg'][1:]}") from None
