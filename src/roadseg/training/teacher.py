"""Learning from another network's predictions, on frames with labels and on frames without."""

from collections.abc import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.functional import interpolate, nll_loss

from roadseg.frames.classes import IGNORE_INDEX
from roadseg.networks.precision import widen_depthwise
from roadseg.training.processes import precision_of, sum_over_processes
from roadseg.training.pulls import Pull, mean_divergence


def teacher_pull(fabric: Fabric, teacher: nn.Module, weight: float, labels: str, confidence: float) -> Pull:
    """Return `weight` times how far a network's predictions are from the teacher's, to be added to its loss.

    `labels` is soft, for the divergence of the probabilities (knowledge distillation, Hinton et al., 2015), or hard,
    for the cross-entropy with the teacher's likeliest classes where it is surer of them than `confidence` (pseudo
    labels, Lee, ICML 2013 workshop). The teacher sees the same images, in eval mode.
    """
    teacher.eval().requires_grad_(False).to(fabric.device)
    teacher.to(memory_format=torch.channels_last)
    widen_depthwise(teacher, precision_of(fabric), fabric.device)
    distance: Callable[[Tensor, Tensor], Tensor] = mean_divergence
    if labels == "hard":
        distance = lambda taught, logits: cross_entropy_where_sure(taught, logits, confidence)  # noqa: E731

    def pull(images: Tensor, logits: Tensor) -> Tensor:
        with torch.no_grad(), fabric.autocast():
            taught = teacher(images).float()
        if taught.shape[-2:] != logits.shape[-2:]:  # networks may leave their logits at a part of the image's size
            taught = interpolate(taught.contiguous(), size=logits.shape[-2:], mode="bilinear", align_corners=False)
        return weight * distance(taught, logits)

    return pull


def cross_entropy_where_sure(taught: Tensor, logits: Tensor, confidence: float) -> Tensor:
    """Return the mean of -log softmax(logits) of the teacher's likeliest class over the pixels where it is sure of it.

    Both are (N, C, H, W) of a float type. Sure is a probability above `confidence`, from 0 to 1; the mean is over the
    batch of all processes, and 0 where no pixel is.
    """
    highest, classes = taught.float().softmax(dim=1).max(dim=1)
    sure = highest > confidence
    targets = torch.where(sure, classes, IGNORE_INDEX)
    total = nll_loss(logits.float().log_softmax(dim=1), targets, ignore_index=IGNORE_INDEX, reduction="sum")
    sums = sum_over_processes(torch.stack([total, sure.sum().to(total)]))
    return sums[0] / sums[1].clamp(min=1)
