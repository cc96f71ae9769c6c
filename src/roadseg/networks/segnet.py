"""The study's own two networks, layer by layer as it had them (docs/study.md, Networks): no pretrained parts."""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


def _conv_relu(in_channels: int, out_channels: int, kernel: int = 3, padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, out_channels, kernel, padding=padding), nn.ReLU(inplace=True)]


def _conv_bn_relu(in_channels: int, out_channels: int, dilation: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation)
    return [conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]


def _halve() -> nn.MaxPool2d:
    return nn.MaxPool2d(2, ceil_mode=True)


class BaselineSegnet(nn.Module):
    """A plain encoder-decoder without normalisation: (N, 3, H, W) -> logits (N, num_classes, H, W)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *_conv_relu(3, 64), *_conv_relu(64, 64), _halve(),
            *_conv_relu(64, 128), _halve(),
            *_conv_relu(128, 256), _halve(),
            *_conv_relu(256, 512), _halve(),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            *_conv_relu(512, 2048, padding=0), nn.Dropout2d(0.5),
            *_conv_relu(2048, 2048, kernel=1, padding=0), nn.Dropout2d(0.5),
            nn.Conv2d(2048, num_classes, 1),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(num_classes, num_classes, 4, stride=2, output_padding=1, bias=False),
            nn.ConvTranspose2d(num_classes, num_classes, 4, stride=2, bias=False),
            nn.ConvTranspose2d(num_classes, num_classes, 4, stride=2, padding=1, bias=False),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) float to logits of the same height and width."""
        logits = self.decoder(self.classifier(self.encoder(images)))
        return interpolate(logits, size=images.shape[-2:], mode="bilinear", align_corners=True)


class _ResidualStage(nn.Module):
    """Convolutions (with dropout after each, where given) added to a 1x1 convolution of the stage's input."""

    def __init__(self, in_channels: int, out_channels: int, depth: int, dropout: float = 0, dilation: int = 1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(depth):
            layers += _conv_bn_relu(in_channels if i == 0 else out_channels, out_channels, dilation)
            layers += [nn.Dropout2d(dropout)] if dropout else []
        self.body = nn.Sequential(*layers)
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (N, in_channels, H, W) float to features of the same size."""
        return self.body(x) + self.shortcut(x)


class _UpBlock(nn.Module):
    """Enlarge to the skip's size, join the two, convolve twice."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_conv_bn_relu(in_channels + skip_channels, out_channels), *_conv_bn_relu(out_channels, out_channels)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Map features and a larger skip, both (N, C, H, W) float, to features of the skip's size."""
        x = interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        return self.body(torch.cat([x, skip], dim=1))


class BetterSegnet(nn.Module):
    """A residual, dilated, U-Net-like net: (N, 3, H, W) -> logits (N, num_classes, H', W') with H', W' even, H' >= H.

    The head works at twice the size of the first pooled stage, so an odd side comes out one pixel larger.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList([
            _ResidualStage(3, 64, depth=2),
            _ResidualStage(64, 128, depth=2),
            _ResidualStage(128, 256, depth=3),
            _ResidualStage(256, 512, depth=3, dropout=0.1),
            _ResidualStage(512, 1024, depth=3, dropout=0.2, dilation=2),
        ])  # fmt: skip
        self.pool = _halve()
        self.centre = nn.Sequential(*_conv_bn_relu(1024, 512, dilation=4), *_conv_bn_relu(512, 512))
        self.ups = nn.ModuleList([
            _UpBlock(512, 512, 512), _UpBlock(512, 256, 256), _UpBlock(256, 128, 128), _UpBlock(128, 64, 64),
        ])  # fmt: skip
        self.head = nn.Sequential(
            *_conv_bn_relu(64, 64), *_conv_bn_relu(64, 64), nn.Dropout2d(0.1),
            *_conv_bn_relu(64, 32), *_conv_bn_relu(32, 32), nn.Dropout2d(0.1),
            nn.Conv2d(32, num_classes, 1),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 3, H, W) float to logits (N, num_classes, H', W') as above."""
        skips, x = [], images
        for stage in self.stages[:4]:
            x = self.pool(stage(x))
            skips.append(x)
        x = self.centre(self.stages[4](x))
        for up, skip in zip(self.ups, reversed(skips), strict=True):
            x = up(x, skip)
        return self.head(interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
