"""Logit adjustment after fine-tuning: what training took from the logits of rare classes is given back to them.

A class that the training frames hardly show is pushed down on all of their pixels, and then no longer predicted where
other frames show it, although the network still tells it apart: its logit ranks the right pixels first and is too low
on all of them. The network that the training started from knows from more frames how probable such a class is.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from roadseg.frames.store import load_frames
from roadseg.networks.prediction import normalize
from roadseg.pipeline.sections import Input
from roadseg.training.preparation import bias_of_logits, random_tensors
from roadseg.training.processes import sum_over_processes
from roadseg.training.state import Training

_MOST = 256  # frames that the probabilities are measured on
RARE = 2e-4  # share of the labels' pixels at which a class gets half of what it has lost
_ABOVE = 1.0  # how far a logit may rise above where it was
_LEAST = 1e-9  # so small a probability is as good as none


def adjust_logits(
    training: Training,
    start: Mapping[str, Tensor],
    target: Input,
    store: Path,
    classes: Sequence[Mapping[str, Any]],
) -> dict[str, Tensor]:
    """Return the chosen weights of a training, with the logits of rare classes raised in the network's last bias.

    They rise by `train.logit_adjustment` times `rise_of_rare`, measured on the frames trained on, as testing sees them,
    or on some of very many. `start` are the start weights, of any shapes and dtypes: where they lack some, nothing is
    known of the classes before, and nothing changes. `classes` hold the name of each class and its share of the labels'
    pixels. The network is left in eval mode. Raises UserError where a frame can't be read.
    """
    network, fabric, weights = training.network, training.fabric, training.best.weights
    if random := random_tensors(weights, start):
        fabric.print(f"train.logit_adjustment changes nothing: {random[0]} started at random", flush=True)
        return weights
    spread = training.files[:: -(-len(training.files) // _MOST)]
    with fabric.rank_zero_first():
        images = load_frames(spread, target, training=False, store=store).images
    network.load_state_dict(start, strict=False)  # counters of batches may be missing
    before = mean_probabilities(fabric, network, images, len(classes))
    network.load_state_dict(weights)
    after = mean_probabilities(fabric, network, images, len(classes))
    shares = before.new_tensor([row["share"] for row in classes])
    rise = training.train.logit_adjustment * rise_of_rare(before, after, shares)
    most = int(rise.argmax())
    fabric.print(f"logits of rare classes raised, at most by {rise[most]:.2f} ({classes[most]['class']})", flush=True)
    bias = bias_of_logits(network, len(classes))
    return weights | {bias: weights[bias] + rise.to(weights[bias])}


def mean_probabilities(fabric: Fabric, network: nn.Module, images: np.ndarray, num_classes: int) -> Tensor:
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
    """Return how far the logit of each class is to be raised, as far as it is rare: (K,), from 0 on.

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
