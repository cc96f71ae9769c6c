"""Whether a network can do what all stages ask of it, found out in a second and without computing anything."""

import copy

import torch
from torch import nn

from roadseg.pipeline.errors import UserError

_FACTORS = (1, 2, 4, 8)  # that logits may be smaller than the image


def check_network(
    name: str,
    network: nn.Module,
    num_classes: int,
    height: int,
    width: int,
    decided_by: str = "input.height and input.width",
) -> None:
    """Raise UserError, naming the row, where a network does not map an image of that size to logits.

    `decided_by` are the parameters that the size comes from, for the message. The logits may be smaller than it, by one
    whole factor of at most 8: the label then has 64 pixels for each of theirs. The network runs on the device "meta":
    that gives the shapes alone, and leaves its weights as they are.
    """
    try:
        logits = _run_on_meta(network.eval(), height, width)
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
        _run_on_meta(network.train(), height, width)
    except ValueError as error:
        raise UserError(
            f"train.batch_size leaves a batch of a single frame, and models.{name} can't train on one "
            f"({' '.join(str(error).split())[:80]}); change train.batch_size or data.val_fraction"
        ) from None


def _run_on_meta(network: nn.Module, height: int, width: int) -> object:
    with torch.inference_mode():
        return copy.deepcopy(network).to("meta")(torch.zeros(1, 3, height, width, device="meta"))
