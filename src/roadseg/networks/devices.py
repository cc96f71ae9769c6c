"""A network where it computes fastest."""

import torch
from lightning_fabric import Fabric
from torch import nn

from roadseg.networks.precision import supported_precision
from roadseg.pipeline.sections import Precision


def on_best_device(network: nn.Module, precision: Precision) -> tuple[nn.Module, torch.device]:
    """Return a network on the best device there is, in that precision where the device has it, and the device."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fabric = Fabric(accelerator="auto", devices=1, precision=supported_precision(precision, device))
    return fabric.setup(network.to(memory_format=torch.channels_last)), fabric.device
