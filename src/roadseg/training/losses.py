"""The losses: the study's four (docs/study.md, Losses), and cross-entropy with the Lovasz term.

Each maps logits (N, C, H, W) of any float type and targets (N, H, W) of class numbers to a scalar. It computes in
float32, or in float64 for float64 logits, whatever autocast says: sums over a million pixels need it.

The study's four are functions of a few sums over the batch, written without a one-hot tensor. So a batch may be spread
over processes: once these sums are added up over all processes, each process has the loss of the whole batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from roadseg.frames.classes import IGNORE_INDEX, NUM_CLASSES
from roadseg.pipeline.errors import UserError
from roadseg.training.processes import gather_over_processes, sum_over_processes

Loss = Callable[[Tensor, Tensor], Tensor]

_NAMES = ("ce", "weighted_ce", "dice", "ce_dice", "ce_lovasz")
_EPSILON = 1e-7


def build_loss(
    name: str,
    num_classes: int = NUM_CLASSES,
    class_weights: Sequence[float] | None = None,
    mask_ignored: bool = False,
    every: int = 1,
    shared: bool = False,
) -> Loss:
    """Return the loss of that name: a function of logits (N, C, H, W) float and targets (N, H, W) of any integer type.

    A batch without a valid pixel gives 0 for the cross-entropies, where the study's gave NaN. `class_weights`, one per
    class, are for `weighted_ce` alone; `dice` is summed over classes; `ce_dice` = 0.5 ce + 0.5 dice / num_classes.
    In the study's Dice the probabilities of ignored pixels count as false positives; `mask_ignored` leaves them out.
    `every` is for `ce_lovasz`. Where the processes share a batch, `shared` gives each the loss of the whole.
    Raises UserError for an unknown name and for weights that are missing or of another length.

    Example:
        >>> import torch
        >>> loss = build_loss("ce", num_classes=2)
        >>> logits = torch.zeros(1, 2, 4, 4)  # both classes are equally likely everywhere
        >>> targets = torch.zeros(1, 4, 4, dtype=torch.uint8)
        >>> round(loss(logits, targets).item(), 4)  # log 2
        0.6931
    """
    if name not in _NAMES:
        raise UserError(f"loss: {name!r} is unknown; choose from {', '.join(_NAMES)}")
    if name == "ce_lovasz":
        return partial(_ce_lovasz, every=every, shared=shared)
    weights = None
    if name == "weighted_ce":
        found = 0 if class_weights is None else len(class_weights)
        if found != num_classes:
            raise UserError(f"weighted_ce needs {num_classes} class weights, not {found}; run class_weights first")
        weights = torch.as_tensor(class_weights, dtype=torch.float64)

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        sums = _sums(logits, targets, weights, mask_ignored, shared)
        if name == "dice":
            return _dice(sums)
        if name == "ce_dice":
            return 0.5 * _cross_entropy(sums) + 0.5 * _dice(sums) / num_classes
        return _cross_entropy(sums)

    return loss


@dataclass(frozen=True)
class _Sums:
    """What a loss is made of, summed over the pixels of the whole batch."""

    nll: Tensor  # () of -weight * log p of the true class
    weight: Tensor  # () of the weights
    true_positive: Tensor  # (C,) of p over the valid pixels of the class
    prob: Tensor  # (C,) of p over all pixels, or over the valid ones alone
    truth: Tensor  # (C,) valid pixels


def _sums(logits: Tensor, targets: Tensor, class_weights: Tensor | None, mask_ignored: bool, shared: bool) -> _Sums:
    wide = _at_least_float32(logits).contiguous().flatten(2)  # channels_last logits would take 2.6 times as long
    num_classes = wide.shape[1]
    flat = targets.flatten(1).long()
    valid = flat != IGNORE_INDEX
    target = torch.where(valid, flat, 0)
    weight = valid.to(wide) if class_weights is None else class_weights.to(wide)[target] * valid

    nll, true_positive, prob = _SumsOverPixels.apply(wide, target, weight, valid, mask_ignored)
    truth = _sum_by_class(valid.to(wide), target, num_classes)
    total = torch.cat([torch.stack([nll, weight.sum()]), true_positive, prob, truth])  # one tensor to add up: (2 + 3C,)
    if shared:
        total = sum_over_processes(total)
    true_positive, prob, truth = total[2:].view(3, num_classes)
    return _Sums(total[0], total[1], true_positive, prob, truth)


def _cross_entropy(sums: _Sums) -> Tensor:
    """Mean over valid pixels of -w * log p of the true class, weights normalised; 0 where no pixel is valid."""
    return sums.nll / torch.where(sums.weight > 0, sums.weight, 1)


def _dice(sums: _Sums) -> Tensor:
    """Sum over classes of 1 - F_1 of the soft counts."""
    false_positive = sums.prob - sums.true_positive
    false_negative = sums.truth - sums.true_positive
    hits = 2 * sums.true_positive + _EPSILON
    return (1 - hits / (hits + false_negative + false_positive)).sum()


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
        #   dz_c = p_c * (gs_c - sum_k gs_k * p_k + own) - own * (c==t),   own = weight * gn - gt_t * p_t
        prob, target, weight, own_prob = ctx.saved_tensors
        grad_nll, grad_true_positive, grad_prob_sum = grads
        own = weight * grad_nll - grad_true_positive[target] * own_prob
        grad = (grad_prob_sum[:, None] + (own - grad_prob_sum @ prob)[:, None]).mul_(prob)  # (N, C, P)
        grad.scatter_add_(1, target[:, None], -own[:, None])
        return grad, None, None, None, None


def _sum_by_class(values: Tensor, target: Tensor, num_classes: int) -> Tensor:
    """Add up values (N, P) by the class of their pixel: (C,) of the same type."""
    # one by one in float32, a million of them would be 0.3 % off, and four million 4 %
    wide = values if values.device.type == "mps" else values.double()
    return wide.new_zeros(num_classes).index_add(0, target.flatten(), wide.flatten()).to(values.dtype)


def _ce_lovasz(logits: Tensor, targets: Tensor, every: int, shared: bool) -> Tensor:
    """Half cross-entropy, half Lovasz-Softmax over the classes of the batch.

    The second follows the IoU (Berman et al., CVPR 2018). It is that of each `every`th pixel of each `every`th row: it
    sorts them, class by class.
    """
    valid = targets != IGNORE_INDEX
    target = torch.where(valid, targets, 0).long()
    nll, sampled = _NllAndSample.apply(_at_least_float32(logits).contiguous(), target, valid, every)
    sums = torch.stack([nll, valid.sum().to(nll)])
    truth = targets[..., ::every, ::every]
    pixels, truth = sampled.movedim(1, -1)[truth != IGNORE_INDEX], truth[truth != IGNORE_INDEX].long()
    if shared:
        sums, pixels, truth = sum_over_processes(sums), gather_over_processes(pixels), gather_over_processes(truth)
    lovasz = lovasz_softmax(pixels, truth) if truth.numel() else pixels.sum()
    return 0.5 * sums[0] / sums[1].clamp_min(1) + 0.5 * lovasz


def lovasz_softmax(logits: Tensor, target: Tensor) -> Tensor:
    """Return the mean, over the classes that occur, of the Lovasz extension of 1 - IoU.

    Logits (P, C) float32 or float64 and target (P,) int64 of P > 0 pixels. All classes are sorted in one call, which
    takes as many threads as there are.
    """
    truth = target == torch.arange(logits.shape[1], device=target.device)[:, None]  # (C, P)
    present = truth.any(dim=1)
    truth, prob = truth[present], logits.softmax(dim=1).T[present]
    errors, order = (truth.to(prob) - prob).abs().sort(dim=1, descending=True)
    hits = truth.gather(1, order).cumsum(dim=1)  # whole numbers: on a GPU sums of floats come in no fixed order
    positives, wrong = hits[:, -1:], torch.arange(1, len(target) + 1, device=target.device)
    # 1 - IoU where the pixels of the k largest errors are wrong and the others right
    losses = 1 - (positives - hits).to(prob) / (positives + wrong - hits)
    steps = losses.diff(dim=1, prepend=losses.new_zeros(len(losses), 1))
    return (errors * steps).sum(dim=1).mean()


class _NllAndSample(Function):
    """The sum of -log p of the true class over the valid pixels, and each `every`th logit of each `every`th row.

    Logits (N, C, H, W) float, target (N, H, W) int64 and valid (N, H, W) bool. The gradient is written by hand:
    autograd fills and adds up three more tensors of the logits' size.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, valid: Tensor, every: int) -> tuple[Tensor, Tensor]:
        log_prob = logits.log_softmax(dim=1)
        ctx.save_for_backward(log_prob, target, valid)
        ctx.every = every
        own = log_prob.gather(1, target[:, None])[:, 0]
        return -torch.where(valid, own, 0).sum(), logits[..., ::every, ::every].contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        log_prob, target, valid = ctx.saved_tensors
        grad_nll, grad_sample = grads
        weight = (grad_nll * valid)[:, None]
        grad = log_prob.exp().mul_(weight)
        grad.scatter_add_(1, target[:, None], -weight)
        grad[..., :: ctx.every, :: ctx.every] += grad_sample
        return grad, None, None, None


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()
