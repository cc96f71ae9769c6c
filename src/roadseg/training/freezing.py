"""Parts of a network that stay as they are while the rest is trained."""

from torch import nn


def batch_norms_of(network: nn.Module) -> list[nn.Module]:
    """Return the batch norms of every kind, timm's and the synced ones included.

    In eval mode they use the statistics that they have, and don't take new ones; their scale and shift still train.
    """
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
