"""Half cross-entropy, half Lovasz-Softmax, which follows the IoU (Berman et al., CVPR 2018).

It computes in float32, or for float64 logits in float64. Where processes share a batch, each computes the loss of the
whole: the cross-entropy's sums are added up, and the pixels that are sorted are put together.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

OverProcesses = Callable[[Tensor], Tensor]


def ce_lovasz(
    logits: Tensor,
    targets: Tensor,
    ignore_index: int,
    every: int,
    sum_over_processes: OverProcesses,
    gather: OverProcesses,
) -> Tensor:
    """Return 0.5 cross-entropy + 0.5 Lovasz-Softmax over the classes of the batch.

    The second is that of each `every`th pixel of each `every`th row: it sorts them, class by class.
    Logits (N, C, H, W) float, targets (N, H, W) of any integer type.
    """
    valid = targets != ignore_index
    target = torch.where(valid, targets, 0).long()
    nll, some = _NllAndSome.apply(_at_least_float32(logits).contiguous(), target, valid, every)
    sums = sum_over_processes(torch.stack([nll, valid.sum().to(nll)]))
    few = targets[..., ::every, ::every]
    kept = few != ignore_index
    pixels, their_target = gather(some.movedim(1, -1)[kept]), gather(few[kept].long())
    lovasz = lovasz_softmax(pixels, their_target) if their_target.numel() else pixels.sum()
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


class _NllAndSome(Function):
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
        grad_nll, grad_some = grads
        weight = (grad_nll * valid)[:, None]
        grad = log_prob.exp().mul_(weight)
        grad.scatter_add_(1, target[:, None], -weight)
        grad[..., :: ctx.every, :: ctx.every] += grad_some
        return grad, None, None, None


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()
