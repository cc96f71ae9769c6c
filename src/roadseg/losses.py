"""The study's four losses (spec section 4), written without a one-hot tensor.

Each maps logits (N, C, H, W) of any float type and targets (N, H, W) of class numbers to a scalar. It computes in
float32, or in float64 for float64 logits, whatever autocast says: sums over a million pixels need it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from roadseg.errors import UserError

Loss = Callable[[Tensor, Tensor], Tensor]

_EPSILON = 1e-7


@dataclass(frozen=True)
class _Pixels:
    """What all losses start from; P = N*H*W pixels."""

    log_prob: Tensor  # (N, C, H*W)
    target: Tensor  # (N, H*W) int64, an ignored pixel holds 0
    valid: Tensor  # (N, H*W) bool

    def of_target(self, values: Tensor) -> Tensor:
        """Pick from (N, C, H*W) the value of each pixel's own class; 0 where it has none: (N, H*W)."""
        return values.gather(1, self.target[:, None])[:, 0] * self.valid


def _pixels(logits: Tensor, targets: Tensor, ignore_index: int) -> _Pixels:
    wide = logits if logits.dtype == torch.float64 else logits.float()
    log_prob = wide.contiguous().flatten(2).log_softmax(dim=1)  # channels_last logits make all that follows 2.6x slower
    flat = targets.flatten(1).long()
    valid = flat != ignore_index
    return _Pixels(log_prob, torch.where(valid, flat, 0), valid)


def _cross_entropy(pixels: _Pixels, class_weights: Tensor | None) -> Tensor:
    """Mean over valid pixels of -w * log p of the own class, weights normalised; 0 where no pixel is valid."""
    own = -pixels.of_target(pixels.log_prob)
    if class_weights is None:
        return own.sum() / pixels.valid.sum().clamp(min=1)
    weight = class_weights.to(own)[pixels.target] * pixels.valid
    total = weight.sum()
    return (own * weight).sum() / torch.where(total > 0, total, 1)


def _dice(pixels: _Pixels, beta: float = 1.0) -> Tensor:
    """Sum over classes of 1 - F_beta of the soft counts; an ignored pixel's probabilities count as false positives."""
    num_classes = pixels.log_prob.shape[1]
    prob = pixels.log_prob.exp()
    zeros = prob.new_zeros(num_classes)
    true_positive = zeros.index_add(0, pixels.target.flatten(), pixels.of_target(prob).flatten())
    truth = zeros.index_add(0, pixels.target.flatten(), pixels.valid.flatten().to(prob))
    false_positive = prob.sum(dim=(0, 2)) - true_positive
    false_negative = truth - true_positive
    hits = (1 + beta**2) * true_positive + _EPSILON
    return (1 - hits / (hits + beta**2 * false_negative + false_positive)).sum()


def build_loss(
    name: str, num_classes: int = 19, ignore_index: int = 255, class_weights: Sequence[float] | None = None
) -> Loss:
    """Give the loss of that name as a function of (logits, targets).

    A batch without a valid pixel gives 0 for the cross-entropies, where the study's gave NaN. `class_weights`, one a
    class, are for `weighted_ce` alone; `dice` is summed over classes; `ce_dice` = 0.5 ce + 0.5 dice / num_classes.
    Raises UserError for an unknown name and for weights that are missing or of another length.
    """
    if name == "weighted_ce" and (class_weights is None or len(class_weights) != num_classes):
        raise UserError(f"weighted_ce needs {num_classes} class weights, not {class_weights and len(class_weights)}")
    weights = None if class_weights is None else torch.as_tensor(class_weights, dtype=torch.float64)
    reductions: dict[str, Callable[[_Pixels], Tensor]] = {
        "ce": lambda pixels: _cross_entropy(pixels, None),
        "weighted_ce": lambda pixels: _cross_entropy(pixels, weights),
        "dice": _dice,
        "ce_dice": lambda pixels: 0.5 * _cross_entropy(pixels, None) + 0.5 * _dice(pixels) / num_classes,
    }
    if name not in reductions:
        raise UserError(f"loss: {name!r} is unknown; there are {', '.join(reductions)}")
    return lambda logits, targets: reductions[name](_pixels(logits, targets, ignore_index))
