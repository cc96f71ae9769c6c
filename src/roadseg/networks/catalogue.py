"""Networks by the rows of a catalogue: this project's own, or an architecture of segmentation_models_pytorch (smp).

smp and timm take seconds to import, which is left to the moment when a network of theirs is built.
"""

import copy
import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from roadseg.networks.segnet import BaselineSegnet, BetterSegnet
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Network


def _efficientvit(size: str, num_classes: int) -> nn.Module:
    from roadseg.networks.efficientvit import EfficientVitSeg  # of timm's layers

    return EfficientVitSeg(size, num_classes)


_OWN: dict[str, Callable[[int], nn.Module]] = {
    "baseline_segnet": BaselineSegnet,
    "better_segnet": BetterSegnet,
    "efficientvit_seg_b0": partial(_efficientvit, "b0"),
    "efficientvit_seg_b1": partial(_efficientvit, "b1"),
    "efficientvit_seg_b2": partial(_efficientvit, "b2"),
}
_FACTORS = (1, 2, 4, 8)  # that logits may be smaller than the image


def build_model(name: str, spec: Network | Mapping[str, Any], num_classes: int) -> nn.Module:
    """Build the network that a row of the catalogue describes, with random weights.

    `spec` is the row, or a mapping like it: `arch`, and for an smp architecture `encoder` and optional `kwargs`. The
    network maps images (N, 3, H, W) float32 to logits (N, num_classes, h, w) float32, as large as the images or smaller
    by one factor.
    Raises UserError, naming the row, where the row describes no network.

    Example:
        >>> import torch
        >>> model = build_model("small", {"arch": "Segformer", "encoder": "mobilenet_v2"}, num_classes=19).eval()
        >>> model(torch.zeros(1, 3, 64, 96)).shape
        torch.Size([1, 19, 64, 96])
    """
    row = Network.model_validate(spec)
    if row.arch not in _OWN:
        return _build_with_smp(name, row, num_classes)
    if row.encoder or row.kwargs:
        raise UserError(f"models.{name}: {row.arch} takes neither encoder nor kwargs; remove them")
    return _OWN[row.arch](num_classes)


def _build_with_smp(name: str, row: Network, num_classes: int) -> nn.Module:
    import segmentation_models_pytorch as smp

    known = {cls.__name__: cls for cls in smp.MODEL_ARCHITECTURES_MAPPING.values()}
    if row.arch not in known:
        raise UserError(
            f"models.{name}.arch: {row.arch!r} is unknown; choose from {', '.join([*_OWN, *sorted(known)])}"
        )
    if row.encoder is None:
        raise UserError(f"models.{name}.encoder is missing; {row.arch} needs one, for example resnet34")
    if ":" in row.encoder or "/" in row.encoder:  # timm would look for it on a hub or in a folder, in each stage
        raise UserError(
            f"models.{name}.encoder: {row.encoder!r} names a repository or folder; name an encoder of smp or timm"
        )
    architecture, kwargs = known[row.arch], row.kwargs
    parameters = inspect.signature(architecture).parameters
    unknown = [key for key in kwargs if key not in parameters]
    if unknown and not row.encoder.startswith("tu-"):  # smp hands these to timm's encoders, and drops them else
        raise UserError(
            f"models.{name}.kwargs: {row.arch} takes no {', '.join(unknown)}; it takes {', '.join(parameters)}"
        )
    if kwargs.get("activation") not in (None, "identity"):
        raise UserError(
            f"models.{name}.kwargs.activation: {kwargs['activation']!r} can't be used: the losses and the prediction "
            "take logits; remove it"
        )
    try:
        return architecture(row.encoder, encoder_weights=None, classes=num_classes, **kwargs)
    except Exception as error:  # smp and timm raise nearly any class for what they can't build
        reason = " ".join(str(error).strip("\"'").split())[:300].rstrip(".")
        raise UserError(
            f"models.{name}: smp.{row.arch}({row.encoder!r}, {kwargs}) failed: {reason}{_similar_encoders(row.encoder)}"
        ) from None


def _similar_encoders(encoder: str) -> str:
    """The end of a message: encoders whose names are close to this one, where it is none itself."""
    import segmentation_models_pytorch as smp
    import timm

    names = timm.list_models() if encoder.startswith("tu-") else smp.encoders.get_encoder_names()
    near = difflib.get_close_matches(encoder.removeprefix("tu-"), names)
    return f"; did you mean {', '.join(near)}?" if near and near[0] != encoder.removeprefix("tu-") else ""


def check_network(
    name: str,
    network: nn.Module,
    num_classes: int,
    height: int,
    width: int,
    decided_by: str = "input.height and input.width",
) -> None:
    """Raise UserError, naming the row, where a network does not map an image of that size to logits.

    `decided_by` are the parameters that the size comes from, for the message. The logits may be smaller than the image,
    by one whole factor of at most 8: the label then has 64 pixels for each of theirs. Takes a second, whatever the
    network costs, and leaves its weights as they are.
    """
    try:
        logits = _run_without_values(network.eval(), height, width)
    except Exception as error:  # whatever an architecture raises for a size or a shape that it can't take
        reason = " ".join(str(error).split())[:200].rstrip(".")
        raise UserError(
            f"models.{name}: the network can't take an input of {height}x{width} ({reason}); "
            f"change {decided_by}, or the row's kwargs"
        ) from None
    if not isinstance(logits, torch.Tensor):
        kind = type(logits).__name__
        raise UserError(f"models.{name}: the network returns a {kind}, not logits alone; change the row's kwargs")
    if list(logits.shape) not in [[1, num_classes, height // factor, width // factor] for factor in _FACTORS]:
        raise UserError(
            f"models.{name}: for an input of {height}x{width} the network gives {tuple(logits.shape)}, "
            f"not {(1, num_classes, height, width)} or sides smaller by up to {max(_FACTORS)}; "
            "change the row's kwargs, for example upsampling"
        )


def check_smallest_batch(name: str, network: nn.Module, smallest: int, height: int, width: int) -> None:
    """Raise UserError where some batch holds a single frame and the network can't train on one.

    A batch norm behind a global pooling sees one value per channel then, which has no variance.
    """
    if smallest > 1:
        return
    try:
        _run_without_values(network.train(), height, width)
    except ValueError as error:
        raise UserError(
            f"train.batch_size leaves a batch of a single frame, and models.{name} can't train on one "
            f"({' '.join(str(error).split())[:80]}); change train.batch_size or data.val_fraction"
        ) from None


def _run_without_values(network: nn.Module, height: int, width: int) -> object:
    """Run a copy of the network on the device "meta", which gives shapes alone."""
    with torch.inference_mode():
        return copy.deepcopy(network).to("meta")(torch.zeros(1, 3, height, width, device="meta"))
