"""A second head on the encoder, for training alone: it teaches the middle of the network directly.

PSPNet (Zhao et al., CVPR 2017) has one with weight 0.4.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import interpolate

from roadseg.frames.classes import NUM_CLASSES
from roadseg.pipeline.errors import UserError
from roadseg.training.encoders import encoder_of
from roadseg.training.losses import Loss, build_loss


class WithAuxiliary(nn.Module):
    """A network that in training also leaves the logits of a 1x1 convolution of features at 1/16 of the image's size.

    The head is no part of the network within, whose weights are the ones kept.
    """

    def __init__(self, network: nn.Module, encoder: nn.Module, channels: int, num_classes: int) -> None:
        super().__init__()
        self.network, self.head = network, nn.Conv2d(channels, num_classes, 1)
        self.logits: Any = None
        self._encoder = [encoder]  # in a list, or it would be registered as a module a second time

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) float to the network's logits; those of the head have the images' sides."""
        if not self.training:
            return self.network(images)
        features: list[Tensor] = []
        hook = self._encoder[0].register_forward_hook(lambda _module, _inputs, outputs: features.append(outputs[-2]))
        logits = self.network(images)
        hook.remove()
        self.logits = interpolate(self.head(features[0]), images.shape[-2:], mode="bilinear", align_corners=False)
        return logits


def with_auxiliary(
    network: nn.Module,
    weight: float,
    loss: Loss,
    sum_over_processes: Callable[[Tensor], Tensor],
    num_classes: int = NUM_CLASSES,
) -> tuple[WithAuxiliary, Loss]:
    """Return the network with a second head, and the loss to which `weight` times the head's cross-entropy is added.

    The loss is of logits (N, C, H, W) float that the first returned has just given, and targets (N, H, W) of an integer
    type. Raises UserError where the network has no encoder that returns a list of features, as smp's do.
    """
    asking = f"train.aux: {weight}"
    encoder = encoder_of(network, asking)
    channels = getattr(encoder, "out_channels", None)
    if not channels:
        raise UserError(f"{asking} needs one of smp's encoders, not {type(encoder).__name__}; set it to 0")
    both = WithAuxiliary(network, encoder, channels[-2], num_classes)
    cross_entropy = build_loss("ce", num_classes, sum_over_processes=sum_over_processes)

    def total(logits: Tensor, targets: Tensor) -> Tensor:
        auxiliary, both.logits = both.logits, None  # its graph is not kept beyond the step
        return loss(logits, targets) + weight * cross_entropy(auxiliary, targets)

    return both, total
