"""Networks by the rows of a catalogue: an architecture of segmentation_models_pytorch, or one of the study's own."""

import inspect
from collections.abc import Mapping
from typing import Any

import segmentation_models_pytorch as smp
from torch import nn

from roadseg.errors import UserError
from roadseg.networks.segnet import BaselineSegnet, BetterSegnet

_OWN = {"baseline_segnet": BaselineSegnet, "better_segnet": BetterSegnet}
_SMP = {cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()}


def build_model(name: str, spec: Mapping[str, Any], num_classes: int) -> nn.Module:
    """Build the network that a row of the catalogue describes, with random weights.

    `spec` has `arch`, and for an smp architecture `encoder` and (optional) `kwargs`. The network maps images
    (N, 3, H, W) to logits (N, num_classes, H, W). Raises UserError, naming the row, where the row describes no network.
    """
    arch, encoder, kwargs = spec["arch"], spec.get("encoder"), spec.get("kwargs") or {}
    if arch in _OWN:
        if encoder or kwargs:
            raise UserError(f"models.{name}: {arch} takes neither encoder nor kwargs; remove them")
        return _OWN[arch](num_classes)
    if arch not in _SMP:
        raise UserError(f"models.{name}.arch: {arch!r} is unknown; there are {', '.join([*_OWN, *sorted(_SMP)])}")
    if encoder is None:
        raise UserError(f"models.{name}.encoder is missing; {arch} needs one, for example resnet34")
    known = inspect.signature(_SMP[arch]).parameters
    unknown = [key for key in kwargs if key not in known]
    if unknown and not encoder.startswith("tu-"):  # smp hands what it doesn't know to timm's encoders, else drops it
        raise UserError(f"models.{name}.kwargs: {arch} takes no {', '.join(unknown)}; it takes {', '.join(known)}")
    try:
        return _SMP[arch](encoder, encoder_weights=None, classes=num_classes, **kwargs)
    except (KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).strip("\"'").split())[:300]
        raise UserError(f"models.{name}: smp.{arch}({encoder!r}, {kwargs}) failed: {reason}") from None
