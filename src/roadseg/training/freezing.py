"""Parts of a network that stay as they are while the rest is trained."""

import math

from torch import nn

from roadseg.training.encoders import encoder_of


class Frozen:
    """What of a network stays: the statistics of all batch norms, the whole encoder in the first epochs, or nothing."""

    def __init__(self, network: nn.Module, batch_norm: str, freeze: str) -> None:
        """`batch_norm` and `freeze` are as in params.yaml; UserError where the network has no encoder to freeze."""
        self.batch_norms = batch_norms_of(network) if batch_norm == "frozen" else []
        self.epochs = {"none": 0, "encoder": math.inf}[freeze] if not freeze.isdecimal() else int(freeze)
        self.encoder = encoder_of(network, f"train.freeze: {freeze}") if self.epochs else None

    def in_epoch(self, epoch: int) -> list[nn.Module]:
        """Freeze the encoder, or free it, as the epoch's number says; return the modules to be in eval mode."""
        if self.encoder is None:
            return self.batch_norms
        frozen = epoch <= self.epochs
        self.encoder.requires_grad_(not frozen)
        return [*self.batch_norms, self.encoder] if frozen else self.batch_norms


def batch_norms_of(network: nn.Module) -> list[nn.Module]:
    """Return the batch norms of every kind, timm's and the synced ones included.

    In eval mode they use the statistics that they have, and don't take new ones; their scale and shift still train.
    """
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
