"""What pulls a training back to its start, added to the loss: distances of the weights and of the predictions."""

import copy
from collections.abc import Callable, Mapping, Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from roadseg.training.processes import sum_over_processes

Pull = Callable[[Tensor, Tensor], Tensor]  # of images (N, 3, H, W) and their logits (N, C, H, W), both float


def build_pull(
    fabric: Fabric,
    network: nn.Module,
    start: Mapping[str, Tensor],
    l2_sp: float,
    keep_logits: float,
    others: Sequence[Pull] = (),
) -> Pull | None:
    """Return what is added to the loss, None where it is nothing; the network holds its starting weights now.

    `start` holds its tensors that count as a start, of any shapes and dtypes; `others` are added up with the pulls to
    the start. Several processes get the same value.
    """
    pulls = list(others)
    if l2_sp:
        pulls.append(lambda *_: l2_sp / 2 * squared_distance(network, start))
    if keep_logits:
        reference = copy.deepcopy(network).eval().requires_grad_(False)

        def divergence(images: Tensor, logits: Tensor) -> Tensor:
            with torch.no_grad(), fabric.autocast():
                kept = reference(images)
            return keep_logits * mean_divergence(kept, logits)

        pulls.append(divergence)
    return (lambda images, logits: torch.stack([pull(images, logits) for pull in pulls]).sum()) if pulls else None


def squared_distance(network: nn.Module, start: Mapping[str, Tensor]) -> Tensor:
    """Return the sum of (w - w_start)^2 over the parameters that `start` holds, of any shapes and float types.

    Half of it, weighted, is L2-SP (Li et al., ICML 2018): weight decay towards the start in place of zero.
    """
    pairs = [(parameter, start[name]) for name, parameter in network.named_parameters() if name in start]
    return torch.stack([(parameter - origin).square().sum() for parameter, origin in pairs]).sum()


def mean_divergence(kept: Tensor, logits: Tensor) -> Tensor:
    """Return the mean over all pixels of KL(softmax(kept) || softmax(logits)); both are (N, C, H, W) of a float type.

    The untouched network teaches the trained one (learning without forgetting, Li and Hoiem, ECCV 2016), also where no
    label says anything. The mean is over the batch of all processes.
    """
    log_target, log_prob = (x.float().log_softmax(dim=1) for x in (kept, logits))
    total = (log_target.exp() * (log_target - log_prob)).sum()
    sums = sum_over_processes(torch.stack([total, total.new_tensor(logits[:, 0].numel())]))
    return sums[0] / sums[1]
