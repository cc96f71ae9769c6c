"""The part of a network that pretrained weights are mostly for."""

from torch import nn

from roadseg.pipeline.errors import UserError

_NAMES = ("encoder", "backbone")


def encoder_name(network: nn.Module) -> str | None:
    """Return the name of the attribute that is the network's encoder, None where it has no such part."""
    return next((name for name in _NAMES if isinstance(getattr(network, name, None), nn.Module)), None)


def encoder_of(network: nn.Module, asking: str) -> nn.Module:
    """Return the network's encoder; UserError, naming the parameter that asks for it, where it has none."""
    name = encoder_name(network)
    if name is None:
        kind = type(network).__name__
        raise UserError(f"{asking} is about the encoder, but {kind} has none; choose another model, or leave it off")
    return network.get_submodule(name)
