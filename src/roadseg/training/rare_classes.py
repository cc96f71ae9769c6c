"""What a fine-tuning takes from rare classes, measured and given back to their logits.

A class that the training frames hardly show is pushed down on all of their pixels, and then no longer predicted where
other frames show it, although the network still tells it apart: its logit ranks the right pixels first and is too low
on all of them. The network that the training started from knows from more frames how probable such a class is.
"""

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from roadseg.networks.prediction import normalize
from roadseg.pipeline.errors import UserError
from roadseg.training.processes import sum_over_processes

RARE = 2e-4  # share of the labels' pixels at which a class gets half of what it has lost
_ABOVE = 1.0  # how far a logit may rise above where it was
_LEAST = 1e-9  # so small a probability is as good as none


def mean_beliefs(fabric: Fabric, network: nn.Module, images: np.ndarray, num_classes: int) -> Tensor:
    """Return the mean probability that a network gives to each class on all pixels of images: (num_classes,) float32.

    `images` are (N, H, W, 3) uint8 RGB. The network is left in eval mode. Several processes share the images out among
    them, and each gets the same.
    """
    sums = torch.zeros(num_classes, device=fabric.device)
    network.eval()
    for number in range(fabric.global_rank, len(images), fabric.world_size):
        image = torch.from_numpy(images[number : number + 1]).to(fabric.device)
        with torch.inference_mode(), fabric.autocast():
            sums += network(normalize(image)).float().softmax(dim=1).mean(dim=(0, 2, 3))
    return sum_over_processes(sums) / len(images)


def rise_of_rare(before: Tensor, after: Tensor, shares: Tensor) -> Tensor:
    """Return how far the logit of each class is to be raised after a training, as far as it is rare: (K,), from 0 on.

    `before` and `after` are the mean probabilities of the classes, `shares` those of their pixels in the labels, all
    (K,) of a float type. The logarithm of the quotient of two priors is what a logit has to rise by to go from one to
    the other (Saerens et al., Neural Computation 2002). It counts by RARE / (RARE + share), as labels of a common class
    know better. What has sunk rises up to 1 above where it was, and at most by twice as much as it sank: a class whose
    IoU is J has its highest where it is predicted from a probability of J / (1 + J) on, and of a rare one J is small.

    >>> before, shares = torch.tensor([0.004, 0.5]), torch.tensor([RARE, 0.5])
    >>> rise_of_rare(before, torch.tensor([0.001, 0.6]), shares).tolist()  # half of log 4 + 1
    [1.193147..., 0.0]
    """
    sunk = (before.clamp_min(_LEAST) / after.clamp_min(_LEAST)).log().clamp_min(0)
    return RARE / (RARE + shares) * (sunk + sunk.clamp_max(_ABOVE))


def bias_of_logits(network: nn.Module, num_classes: int) -> str:
    """Return the name of the parameter (num_classes,) that is added to the logits: the bias of the last convolution.

    Raises UserError where the network does not end in such a convolution.
    """
    *_, (name, last) = (pair for pair in network.named_modules() if [*pair[1].parameters(recurse=False)])
    if not isinstance(last, nn.Conv2d) or last.bias is None or last.out_channels != num_classes:
        raise UserError(
            "train.logit_adjustment: this network does not end in a convolution with a bias for each class; set it to 0"
        )
    return f"{name}.bias"
