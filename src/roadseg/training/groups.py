"""Groups of parameters: how fast each part of a network learns, and what weight decay pulls on."""

import re
from typing import Any

from torch import nn

from roadseg.training.encoders import encoder_name, encoder_of


def parameter_groups(
    network: nn.Module,
    lr: float,
    weight_decay: float,
    head_lr: float = 1.0,
    layer_decay: float = 1.0,
    decayed: str = "all",
) -> list[dict[str, Any]]:
    """Return an optimiser's groups for all parameters; `lr_scale` in each is what its `lr` is a multiple of `lr` by.

    What is not in the encoder learns at head_lr * lr. Of n stages of the encoder, stage i = 1..n learns at
    layer_decay^(n + 1 - i) * lr (discriminative fine-tuning, Howard and Ruder, ACL 2018). `decayed` is all, or weights:
    then tensors of one dimension, biases and the scales and shifts of norms, have no weight decay.
    Raises UserError where an encoder is needed and the network has none.
    """
    scales = _scales(network, head_lr, layer_decay)
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in network.named_parameters():
        scale = scales.get(name, head_lr)
        decay = weight_decay if decayed == "all" or parameter.ndim > 1 else 0.0
        empty = {"params": [], "lr": lr * scale, "lr_scale": scale, "weight_decay": decay}
        groups.setdefault((scale, decay), empty)["params"].append(parameter)
    return list(groups.values())


def _scales(network: nn.Module, head_lr: float, layer_decay: float) -> dict[str, float]:
    """The multiple of the learning rate for each parameter of the encoder."""
    if head_lr == layer_decay == 1:
        return {}
    key = f"train.head_lr: {head_lr}" if head_lr != 1 else f"train.layer_decay: {layer_decay}"
    stages = {name: stage_of(name) for name, _ in encoder_of(network, key).named_parameters()}
    found = sorted(set(stages.values()))
    return {
        f"{encoder_name(network)}.{name}": layer_decay ** (len(found) - found.index(stage))
        for name, stage in stages.items()
    }


def stage_of(name: str) -> int:
    """Return the first number in a parameter's name within its encoder; 0 where there is none, and for a stem.

    In ResNets, MiTs, EfficientNets and timm's networks it counts their stages or blocks; the order of the parameters
    does not: MiTs have their four patch embeddings first.
    """
    before, number = re.findall(r"^(\D*)(\d*)", name)[0]
    return int(number) if number and "stem" not in before else 0
