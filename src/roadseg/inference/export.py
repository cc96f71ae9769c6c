"""What a release says of its network: how far its ONNX graph is from it, and the `config.json` of the hub."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from roadseg.frames.classes import IGNORE_INDEX
from roadseg.frames.counting import VALUES, joint_histogram
from roadseg.inference.graph import OfPictures
from roadseg.networks.prediction import UPSAMPLING
from roadseg.pipeline.errors import UserError
from roadseg.scoring.accuracy import cal_acc

LEAST_EQUAL = 0.999  # share of equal pixels below which a file is not the network

Logits = Callable[[np.ndarray], np.ndarray]  # images (1, H, W, 3) uint8 RGB -> logits (1, C, h, w) float32


@dataclass(frozen=True)
class Parity:
    """A file beside the network: pixels are compared at the labels' sizes, mIoU is the study's."""

    largest: float  # difference of two logits
    equal: float  # share of pixels with the same class
    miou: float
    network_miou: float
    pace: float  # frames a second, one at a time
    network_pace: float


def network_logits(network: nn.Module) -> Logits:
    """Return what maps pictures to a network's logits in float32 on the CPU; leaves it in eval mode."""
    model = OfPictures(network.cpu().eval().to(memory_format=torch.channels_last))

    def logits(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(images)).numpy()

    return logits


def compare(
    network: Logits,
    other: Logits,
    images: np.ndarray,
    labels: Sequence[np.ndarray],
    upsampling: str,
    num_classes: int,
) -> Parity:
    """Run both on each of the images, (N, H, W, 3) uint8 RGB, and compare logits, classes and score.

    The labels are (h, w) uint8, each of its own size; `upsampling` names how logits come to that size.
    """
    joints, seconds = np.zeros((2, VALUES, VALUES), dtype=np.int64), np.zeros(2)
    largest, same = 0.0, 0
    for run in (network, other):
        run(images[:1])  # the first one is slow
    for image, label in zip(images, labels, strict=True):
        logits, maps = [], []
        for index, run in enumerate((network, other)):
            started = time.perf_counter()
            logits.append(run(image[None])[0])
            seconds[index] += time.perf_counter() - started
            maps.append(UPSAMPLING[upsampling](torch.from_numpy(logits[-1]), label.shape[:2]))
            joints[index] += joint_histogram(maps[-1], label)
        largest = max(largest, float(np.abs(logits[0] - logits[1]).max()))
        same += int((maps[0] == maps[1]).sum())
    network_miou, miou = (cal_acc(joint, num_classes, IGNORE_INDEX)[0] for joint in joints)
    network_pace, pace = (len(images) / float(total) for total in seconds)
    return Parity(largest, same / sum(label.size for label in labels), miou, network_miou, pace, network_pace)


def check_parity(parity: Parity, name: str) -> None:
    """Raise UserError where the file `name` gives other classes than the network on too many pixels."""
    if parity.equal < LEAST_EQUAL:
        raise UserError(
            f"{name} gives other classes than the network: {100 * parity.equal:.3f} % of the pixels of test "
            f"frames are equal, not {100 * LEAST_EQUAL:.1f} % (logits up to {parity.largest:.2g} apart)"
        )


def is_smp(network: nn.Module) -> bool:
    """Return whether `smp.from_pretrained` can build the network: it is a class of segmentation_models_pytorch."""
    from segmentation_models_pytorch.base import SegmentationModel

    return isinstance(network, SegmentationModel)


def hub_config(network: nn.Module, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `smp.from_pretrained` reads beside `model.safetensors`, as smp 0.6.0's `save_pretrained` writes it.

    For a network that is not smp's: the row of the catalogue that describes it, `name`.
    """
    if not is_smp(network):
        return {"network": name, **row}
    config: Any = network.config  # the keyword arguments that it was built with
    return {**config, "_model_class": type(network).__name__}
