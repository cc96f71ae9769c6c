"""Further losses, of the valid pixels one by one: of the hardest, focal, and label smoothing.

They compute in float32, or for float64 logits in float64. Where processes share a batch, each computes the loss of the
whole: `focal` and the smoothing are sums over pixels, which `sum_over_processes` adds up, and for `ohem`, which sorts
the pixels, `gather` puts those of all processes together.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

OverProcesses = Callable[[Tensor], Tensor]


def ohem(
    logits: Tensor, targets: Tensor, ignore_index: int, threshold: float, min_share: float, gather: OverProcesses
) -> Tensor:
    """Return the mean cross-entropy of the pixels whose own class has a probability below `threshold`.

    Of all valid pixels at least `min_share` are taken, the hardest (online hard example mining, Shrivastava et al.,
    CVPR 2016, for pixels as BiSeNet does it). Logits (N, C, H, W) float, targets (N, H, W) of any integer type.
    """
    pixels, target = valid_pixels(logits, targets, ignore_index)
    nll = gather(cross_entropy(pixels, target, reduction="none"))
    if not nll.numel():
        return nll.sum()
    hard = nll[nll > -math.log(threshold)]
    least = max(1, int(min_share * nll.numel()))
    return (hard if hard.numel() >= least else nll.topk(least).values).mean()


def focal(
    logits: Tensor, targets: Tensor, ignore_index: int, gamma: float, sum_over_processes: OverProcesses
) -> Tensor:
    """Return the mean of -(1 - p)^gamma * log p over valid pixels (Lin et al., ICCV 2017), p of the true class.

    p is the softmax's; smp's FocalLoss takes a sigmoid for each class instead, but prediction compares the classes.
    Logits (N, C, H, W) float, targets (N, H, W) of any integer type.
    """
    nll = cross_entropy(*valid_pixels(logits, targets, ignore_index), reduction="none")
    wrong = (-torch.expm1(-nll)).clamp_min(1e-12)  # at p = 1 the power has no derivative for gamma < 1
    return _mean(wrong**gamma * nll, sum_over_processes)


def smoothing(logits: Tensor, targets: Tensor, ignore_index: int, sum_over_processes: OverProcesses) -> Tensor:
    """Return what label smoothing adds to the cross-entropy, for a smoothing of 1: mean of z_t - mean_c z_c.

    Torch's cross_entropy with label_smoothing=e is (1 - e) CE(t) + e mean_c CE(c); in CE(c) - CE(t) = z_t - z_c the
    logarithm of the sum cancels. Logits (N, C, H, W) float, targets (N, H, W) of any integer type.
    """
    pixels, target = valid_pixels(logits, targets, ignore_index)
    own = pixels.gather(1, target[:, None])[:, 0]
    return _mean(own - pixels.mean(dim=1), sum_over_processes)


def valid_pixels(logits: Tensor, targets: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return the logits (P, C) float and targets (P,) int64 of the P valid pixels.

    Logits are (N, C, H, W) of any float type, targets (N, H, W) of any integer type.
    """
    valid = targets != ignore_index
    return at_least_float32(logits).movedim(1, -1)[valid], targets[valid].long()


def at_least_float32(logits: Tensor) -> Tensor:
    """Return logits (N, C, H, W) of any float type as they are, or in float32 where they are narrower."""
    return logits if logits.dtype == torch.float64 else logits.float()


def _mean(values: Tensor, sum_over_processes: OverProcesses) -> Tensor:
    """The mean over the pixels of all processes, 0 where there is none."""
    sums = sum_over_processes(torch.stack([values.sum(), values.new_tensor(values.numel())]))
    return sums[0] / sums[1].clamp_min(1)
