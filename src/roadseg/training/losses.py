"""The study's four losses (docs/study.md, Losses), written without a one-hot tensor.

Each maps logits (N, C, H, W) of any float type and targets (N, H, W) of class numbers to a scalar. It computes in
float32, or in float64 for float64 logits, whatever autocast says: sums over a million pixels need it.

All four are functions of a few sums over the batch, so a batch may be spread over processes: once these sums are added
up over all processes, each process has the loss of the whole batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from roadseg.frames.classes import IGNORE_INDEX, NUM_CLASSES
from roadseg.pipeline.errors import UserError

Loss = Callable[[Tensor, Tensor], Tensor]

_EPSILON = 1e-7


class _SumsOverPixels(Function):
    """Logits (N, C, P), target (N, P) int64, weight (N, P) and valid (N, P) bool -> three sums over all N*P pixels.

    They are the sum of -weight * log p of the true class; per class, the sum of p over its valid pixels; per class,
    the sum of p over all pixels, or where `masked` over the valid ones. The gradient is written out by hand, for
    autograd's way through the same operators keeps and reads three more tensors of the logits' size, which takes twice
    as long.
    """

    @staticmethod
    def forward(
        ctx: Any, logits: Tensor, target: Tensor, weight: Tensor, valid: Tensor, masked: bool
    ) -> tuple[Tensor, ...]:
        log_prob = logits.log_softmax(dim=1)
        nll = -(log_prob.gather(1, target[:, None])[:, 0] * weight).sum()
        prob = log_prob.exp_()
        if masked:
            prob.mul_(valid[:, None])  # an ignored pixel then has no gradient either: each of its terms has a factor p
        own_prob = prob.gather(1, target[:, None])[:, 0] * valid  # (N, P)
        true_positive = _sum_by_class(own_prob, target, prob.shape[1])
        ctx.save_for_backward(prob, target, weight, own_prob)
        return nll, true_positive, prob.sum(dim=(0, 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        # With dp_k/dz_c = p_k * (k==c) - p_k * p_c, each pixel of class t gives
        #   dz_c = p_c * (gs_c - sum_k gs_k * p_k + pull) - pull * (c==t),   pull = weight * gn - gt_t * p_t
        prob, target, weight, own_prob = ctx.saved_tensors
        grad_nll, grad_true_positive, grad_prob_sum = grads
        pull = weight * grad_nll - grad_true_positive[target] * own_prob
        grad = (grad_prob_sum[:, None] + (pull - grad_prob_sum @ prob)[:, None]).mul_(prob)  # (N, C, P)
        grad.scatter_add_(1, target[:, None], -pull[:, None])
        return grad, None, None, None, None


def _sum_by_class(values: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Add up values (N, P) by the class of their pixel: (C,) of the same type."""
    # one by one in float32, a million of them would be 0.3 % off, and four million 4 %
    wide = values if values.device.type == "mps" else values.double()
    return wide.new_zeros(num_classes).index_add(0, target.flatten(), wide.flatten()).to(values.dtype)


@dataclass(frozen=True)
class _Sums:
    """What a loss is made of, summed over the pixels of the whole batch."""

    nll: Tensor  # () of -weight * log p of the true class
    weight: Tensor  # () of the weights
    true_positive: Tensor  # (C,) of p over the valid pixels of the class
    prob: Tensor  # (C,) of p over all pixels, or over the valid ones alone
    truth: Tensor  # (C,) valid pixels


def _sums(
    logits: Tensor,
    targets: Tensor,
    ignore_index: int,
    class_weights: Tensor | None,
    mask_ignored: bool,
    sum_over_processes: Callable[[Tensor], Tensor],
) -> _Sums:
    wide = logits if logits.dtype == torch.float64 else logits.float()
    wide = wide.contiguous().flatten(2)  # channels_last logits make all that follows 2.6 times slower
    num_classes = wide.shape[1]
    flat = targets.flatten(1).long()
    valid = flat != ignore_index
    target = torch.where(valid, flat, 0)
    weight = valid.to(wide) if class_weights is None else class_weights.to(wide)[target] * valid

    nll, true_positive, prob = _SumsOverPixels.apply(wide, target, weight, valid, mask_ignored)
    truth = _sum_by_class(valid.to(wide), target, num_classes)
    local = torch.cat([torch.stack([nll, weight.sum()]), true_positive, prob, truth])  # one tensor to add up: (2 + 3C,)
    total = sum_over_processes(local)
    true_positive, prob, truth = total[2:].view(3, num_classes)
    return _Sums(total[0], total[1], true_positive, prob, truth)


def _cross_entropy(sums: _Sums) -> Tensor:
    """Mean over valid pixels of -w * log p of the true class, weights normalised; 0 where no pixel is valid."""
    return sums.nll / torch.where(sums.weight > 0, sums.weight, 1)


def _dice(sums: _Sums, beta: float = 1.0) -> Tensor:
    """Sum over classes of 1 - F_beta of the soft counts."""
    false_positive = sums.prob - sums.true_positive
    false_negative = sums.truth - sums.true_positive
    hits = (1 + beta**2) * sums.true_positive + _EPSILON
    return (1 - hits / (hits + beta**2 * false_negative + false_positive)).sum()


def build_loss(
    name: str,
    num_classes: int = NUM_CLASSES,
    ignore_index: int = IGNORE_INDEX,
    class_weights: Sequence[float] | None = None,
    mask_ignored: bool = False,
    sum_over_processes: Callable[[Tensor], Tensor] = lambda sums: sums,
) -> Loss:
    """Build the loss of that name: a function of logits (N, C, H, W) float and targets (N, H, W) of any integer type.

    A batch without a valid pixel gives 0 for the cross-entropies, where the study's gave NaN. `class_weights`, one per
    class, are for `weighted_ce` alone; `dice` is summed over classes; `ce_dice` = 0.5 ce + 0.5 dice / num_classes.
    In the study's Dice the probabilities of ignored pixels count as false positives; `mask_ignored` leaves them out.
    Where each process holds a part of the batch, `sum_over_processes` adds a tensor up over them, differentiably.
    Raises UserError for an unknown name and for weights that are missing or of another length.

    Example:
        >>> import torch
        >>> loss = build_loss("ce", num_classes=2)
        >>> logits = torch.zeros(1, 2, 4, 4)  # both classes are equally likely everywhere
        >>> targets = torch.zeros(1, 4, 4, dtype=torch.uint8)
        >>> round(loss(logits, targets).item(), 4)  # log 2
        0.6931
    """
    reductions: dict[str, Callable[[_Sums], Tensor]] = {
        "ce": _cross_entropy,
        "weighted_ce": _cross_entropy,
        "dice": _dice,
        "ce_dice": lambda sums: 0.5 * _cross_entropy(sums) + 0.5 * _dice(sums) / num_classes,
    }
    if name not in reductions:
        raise UserError(f"loss: {name!r} is unknown; choose from {', '.join(reductions)}")
    weights = None
    if name == "weighted_ce":
        found = 0 if class_weights is None else len(class_weights)
        if found != num_classes:
            raise UserError(f"weighted_ce needs {num_classes} class weights, not {found}; run class_weights first")
        weights = torch.as_tensor(class_weights, dtype=torch.float64)
    return lambda logits, targets: reductions[name](
        _sums(logits, targets, ignore_index, weights, mask_ignored, sum_over_processes)
    )
