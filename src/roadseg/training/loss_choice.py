"""A loss by its name in params.yaml: the study's four, or one of the further ones."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor

from roadseg.frames.classes import IGNORE_INDEX, NUM_CLASSES
from roadseg.training.losses import Loss, build_loss
from roadseg.training.lovasz import ce_lovasz
from roadseg.training.pixel_losses import focal, ohem, smoothing

_SHARE_OF_CE = {"ce": 1.0, "ce_dice": 0.5}


def choose_loss(
    name: str,
    class_weights: Sequence[float],
    mask_ignored: bool,
    label_smoothing: float,
    every: int,
    threshold: float,
    min_share: float,
    gamma: float,
    sum_over_processes: Callable[[Tensor], Tensor],
    gather: Callable[[Tensor], Tensor],
    num_classes: int = NUM_CLASSES,
) -> Loss:
    """Return the loss of that name: a function of logits (N, C, H, W) float and targets (N, H, W) of an integer type.

    `class_weights` and `mask_ignored` are those of `build_loss`; `label_smoothing` counts for ce and ce_dice,
    `every` for ce_lovasz, `threshold` and `min_share` for ohem, `gamma` for focal. Where processes share a batch,
    `sum_over_processes` adds a tensor up over them and `gather` puts together the rows of all, both differentiably.
    Raises UserError for an unknown name.
    """
    match name:
        case "ohem":
            return partial(ohem, ignore_index=IGNORE_INDEX, threshold=threshold, min_share=min_share, gather=gather)
        case "ce_lovasz":
            return partial(
                ce_lovasz,
                ignore_index=IGNORE_INDEX,
                every=every,
                sum_over_processes=sum_over_processes,
                gather=gather,
            )
        case "focal":
            return partial(focal, ignore_index=IGNORE_INDEX, gamma=gamma, sum_over_processes=sum_over_processes)
    loss = build_loss(
        name,
        num_classes,
        class_weights=class_weights,
        mask_ignored=mask_ignored,
        sum_over_processes=sum_over_processes,
    )
    weight = label_smoothing * _SHARE_OF_CE.get(name, 0.0)
    return _smoothed(loss, weight, sum_over_processes) if weight else loss


def _smoothed(loss: Loss, weight: float, sum_over_processes: Callable[[Tensor], Tensor]) -> Loss:
    return lambda logits, targets: (
        loss(logits, targets) + weight * smoothing(logits, targets, IGNORE_INDEX, sum_over_processes)
    )
