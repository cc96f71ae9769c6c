"""The `config.json` beside released weights."""

from collections.abc import Mapping
from typing import Any

from segmentation_models_pytorch.base import SegmentationModel
from torch import nn


def is_smp(network: nn.Module) -> bool:
    """Whether `smp.from_pretrained` can build the network: it is a class of segmentation_models_pytorch."""
    return isinstance(network, SegmentationModel)


def hub_config(network: nn.Module, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `smp.from_pretrained` reads beside `model.safetensors`, as smp 0.6.0's `save_pretrained` writes it.

    For a network that is not smp's: the row of the catalogue that describes it, `name`.
    """
    if not is_smp(network):
        return {"network": name, **row}
    config: Any = network.config  # the keyword arguments that it was built with
    return {**config, "_model_class": type(network).__name__}
