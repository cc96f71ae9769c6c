"""Make a network ready to be trained on the devices that there are."""

from collections.abc import Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from roadseg.networks.precision import depthwise_in_float32
from roadseg.pipeline.errors import UserError
from roadseg.training.processes import precision_of, sync_batch_norms

_NEED_INPUTS = (nn.Hardswish, nn.SiLU, nn.Mish)  # ReLU and its like are told by what comes out


def prepare_network(
    network: nn.Module, weights: Mapping[str, Tensor], fabric: Fabric, compiled: bool, synced: bool = True
) -> nn.Module:
    """Load the weights to start from and suit the network to the devices.

    `weights` are any of the network's tensors, of any shape and dtype; `synced` lets batch norms see all
    processes, which those in eval mode need not. Raises UserError where torch.compile or several processes can't serve
    the network here.
    """
    network.load_state_dict(weights, strict=False)
    if synced:
        network = sync_batch_norms(network, fabric.device)
    network.to(memory_format=torch.channels_last)  # as the images come; up to 6 times faster on a CPU
    depthwise_in_float32(network, precision_of(fabric), fabric.device)
    leave_inputs(network)
    if compiled:
        compile_network(network, fabric.device)
    return network


def leave_inputs(network: nn.Module) -> None:
    """Let activations write beside their inputs where the gradient needs these: autograd would copy them before."""
    for module in network.modules():
        if isinstance(module, _NEED_INPUTS):
            module.inplace = False


def compile_network(network: nn.Module, device: torch.device) -> None:
    """Let torch.compile make the network's kernels at its first steps; UserError where it can make none here."""
    try:
        torch.compile(torch.neg)(torch.ones(8, device=device))
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise UserError(f"train.compile: torch.compile fails here ({reason}); set it to false, or fix it") from None
    network.compile()
