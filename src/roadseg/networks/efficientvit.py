"""EfficientViT's segmentation network: a narrow encoder with linear attention, and a head of a few convolutions.

Cai et al., EfficientViT: Multi-Scale Linear Attention for High-Resolution Dense Prediction, ICCV 2023; public source
mit-han-lab/efficientvit, efficientvit/models/efficientvit/seg.py. The encoder is timm's.
"""

from typing import Any

import timm
from timm.models.efficientvit_mit import ConvNormAct, MBConv, ResidualBlock
from torch import Tensor, nn
from torch.nn.functional import interpolate

_EXPANSION = 4  # of the widths inside the head
_HEAD = {"b0": (32, 1), "b1": (64, 3), "b2": (96, 3)}  # width, and how many blocks


class EfficientVitSeg(nn.Module):
    """EfficientViT-seg of a size, `b0`, `b1` or `b2`: images (N, 3, H, W) -> logits (N, num_classes, H/8, W/8).

    The logits stay at an eighth of the image's sides (rounded up), as in the public source: upsampling is left to
    whoever knows the label's size.
    """

    def __init__(self, size: str, num_classes: int) -> None:
        super().__init__()
        self.encoder = _Encoder(size)
        self.head = _Head(self.encoder.out_channels, *_HEAD[size], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) float of any sides to logits at an eighth of them."""
        return self.head(self.encoder(images))


class _Encoder(nn.Module):
    """timm's EfficientViT without its classifier: features at strides 8, 16 and 32."""

    def __init__(self, size: str) -> None:
        super().__init__()
        features: Any = timm.create_model(f"efficientvit_{size}", features_only=True, out_indices=(0, 1, 2, 3))
        self.model: nn.Module = features
        self.out_channels: list[int] = features.feature_info.channels()[1:]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (N, 3, H, W) float to three maps of features, the finest first."""
        return self.model(images)[1:]


class _Head(nn.Module):
    """Features at strides 8, 16 and 32, brought to one width and added at stride 8, through residual blocks."""

    def __init__(self, in_channels: list[int], width: int, num_blocks: int, num_classes: int) -> None:
        super().__init__()
        self.inputs = nn.ModuleList(ConvNormAct(channels, width, 1, act_layer=None) for channels in in_channels)
        self.blocks = nn.Sequential(*(_block(width) for _ in range(num_blocks)))
        self.expand = ConvNormAct(width, width * _EXPANSION, 1, act_layer=nn.Hardswish)
        self.classifier = nn.Conv2d(width * _EXPANSION, num_classes, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        fine, *coarse = [project(feature) for project, feature in zip(self.inputs, features, strict=True)]
        for other in coarse:
            # to its size, not by a factor: an odd side is rounded up when it is halved
            fine = fine + interpolate(other, size=fine.shape[-2:], mode="bicubic", align_corners=False)
        return self.classifier(self.expand(self.blocks(fine)))


def _block(width: int) -> nn.Module:
    norms, activations = (nn.BatchNorm2d,) * 3, (nn.Hardswish, nn.Hardswish, None)
    inverted = MBConv(width, width, expand_ratio=_EXPANSION, norm_layer=norms, act_layer=activations)
    return ResidualBlock(inverted, nn.Identity())
