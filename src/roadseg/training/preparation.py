"""A network before it is trained: its start weights, what of it stays frozen, and what suits it to the devices."""

import math
from collections.abc import Collection, Iterable, Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from roadseg.networks.precision import depthwise_in_float32
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import Train
from roadseg.training.processes import precision_of, sync_batch_norms

_ENCODERS = ("encoder", "backbone")
_NEED_INPUTS = (nn.Hardswish, nn.SiLU, nn.Mish)  # ReLU and its like need their outputs alone


def prepare_network(
    network: nn.Module, start: Mapping[str, Tensor], fabric: Fabric, train: Train, num_classes: int
) -> nn.Module:
    """Load the start weights and suit the network to the devices.

    `start` are any of the network's tensors, of any shape and dtype. Raises UserError where they lack what `train`
    asks for, or where the network, torch.compile or several processes can't serve it here.
    """
    if train.epochs == 0:
        _check_untrained(network, start)
    if train.logit_adjustment:
        bias_of_logits(network, num_classes)  # that there is one
    network.load_state_dict(start, strict=False)
    if train.batch_norm == "train":  # statistics that stay need no other process
        network = sync_batch_norms(network, fabric.device)
    network.to(memory_format=torch.channels_last)  # as the images come; up to 6 times faster on a CPU
    depthwise_in_float32(network, precision_of(fabric), fabric.device)
    for module in network.modules():
        if isinstance(module, _NEED_INPUTS):
            module.inplace = False  # else autograd copies their inputs before they are overwritten
    if train.compile:
        compile_network(network, fabric.device)
    return network


def compile_network(network: nn.Module, device: torch.device) -> None:
    """Let torch.compile make the network's kernels at its first steps; UserError where it can make none here."""
    try:
        torch.compile(torch.neg)(torch.ones(8, device=device))
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise UserError(f"train.compile: torch.compile fails here ({reason}); set it to false, or fix it") from None
    network.compile()


def random_tensors(names: Iterable[str], start: Collection[str]) -> list[str]:
    """Return those of a network's tensors, by name, that are not in `start` and so are random, counters left out."""
    return [name for name in names if name not in start and not name.endswith("num_batches_tracked")]


def _check_untrained(network: nn.Module, start: Collection[str]) -> None:
    names = list(network.state_dict())
    if lacking := random_tensors(names, start):
        raise UserError(
            f"train.epochs: 0, but {len(lacking)} of {len(names)} tensors of the network start at random, such as "
            f"{lacking[0]}; set pretrained to weights that have them, or set another value"
        )


def note_of_random(network: nn.Module, start: Collection[str], share: float) -> str | None:
    """Return what is to be told where a `share` of the start is kept that partly was random; `start` names the rest."""
    random = random_tensors(network.state_dict(), start)
    if not share or not random:
        return None
    return (
        f"train.weight_interpolation: {share:g} mixes in weights that what starts at random is not trained with "
        f"(tensors: {len(random)}, first {random[0]}); compare with 0"
    )


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


class Frozen:
    """What of a network is frozen: the statistics of all batch norms, the encoder in the first epochs, or nothing."""

    def __init__(self, network: nn.Module, train: Train) -> None:
        """Raises UserError where the network has no encoder to freeze."""
        self.batch_norms = batch_norms_of(network) if train.batch_norm == "frozen" else []
        self.epochs = int(train.freeze) if train.freeze.isdecimal() else {"none": 0, "encoder": math.inf}[train.freeze]
        self.encoder = encoder_of(network, f"train.freeze: {train.freeze}") if self.epochs else None

    def in_epoch(self, epoch: int) -> list[nn.Module]:
        """Freeze the encoder or let it train, as the epoch's number says; return the modules to be in eval mode."""
        if self.encoder is None:
            return self.batch_norms
        is_frozen = epoch <= self.epochs
        self.encoder.requires_grad_(not is_frozen)
        return [*self.batch_norms, self.encoder] if is_frozen else self.batch_norms


def encoder_of(network: nn.Module, asking: str) -> nn.Module:
    """Return the network's encoder; UserError, naming the parameter that asks for it, where it has none."""
    for name in _ENCODERS:
        if isinstance(part := getattr(network, name, None), nn.Module):
            return part
    kind = type(network).__name__
    raise UserError(f"{asking} is about the encoder, but {kind} has none; choose another model, or leave it off")


def batch_norms_of(network: nn.Module) -> list[nn.Module]:
    """Return the batch norms of every kind, timm's and the synced ones included.

    In eval mode they use the statistics that they have, and don't take new ones; their scale and shift still train.
    """
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
