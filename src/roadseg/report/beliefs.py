"""What a network believes of each pixel: its class, how sure it is, and how probable the label is to it."""

import numpy as np
import torch
from torch import Tensor

from roadseg.report.regions import Beliefs


def beliefs(logits: Tensor, labels: np.ndarray) -> list[Beliefs]:
    """Return what (N, K, H, W) float logits say of each frame and its label, (N, H, W) uint8."""
    with torch.inference_mode():
        probabilities = logits.contiguous().softmax(dim=1)  # with channels last in memory it takes three times as long
        of_best, best = probabilities.max(dim=1)
        known = torch.from_numpy(labels).to(logits.device).long().clamp_max(logits.shape[1] - 1)
        of_label = probabilities.gather(1, known[:, None])[:, 0]
    maps = (values.cpu().numpy() for values in (best.byte(), of_best, of_label))
    return [Beliefs(*of_frame) for of_frame in zip(*maps, strict=True)]
