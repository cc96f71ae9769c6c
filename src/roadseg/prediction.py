"""From uint8 frames to class maps at the size of each frame's label."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from roadseg.frames import Frames

# ImageNet statistics of RGB values in 0..1, which all pretrained weights here were trained with
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def normalize(images: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) float32 of ImageNet's mean and spread, channels last in memory."""
    mean, std = images.new_tensor(_MEAN, dtype=torch.float32), images.new_tensor(_STD, dtype=torch.float32)
    return ((images.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def enlarge_logits(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, h, w) logits -> (H, W) uint8 classes at `size`: logits grow, so that borders fall between input pixels."""
    return interpolate(logits[None], size=size, mode="bilinear", align_corners=False)[0].argmax(dim=0).byte()


def enlarge_classes(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, h, w) logits -> (H, W) uint8 classes by the study's way: the class map grows by nearest neighbour."""
    classes = logits.argmax(dim=0).byte()
    return interpolate(classes[None, None], size=size, mode="nearest")[0, 0]


ENLARGE = {"logits": enlarge_logits, "classes": enlarge_classes}


def predict(
    model: nn.Module, frames: Frames, batch_size: int, enlarge: str, device: torch.device
) -> Iterator[np.ndarray]:
    """Yield each frame's class map, (H, W) uint8 at the frame's own size; leaves the model in eval mode."""
    model.eval()
    for start in range(0, len(frames), batch_size):
        batch = torch.from_numpy(frames.images[start : start + batch_size]).to(device)
        with torch.inference_mode():
            for logits, size in zip(model(normalize(batch)), frames.sizes[start:], strict=False):
                yield ENLARGE[enlarge](logits.float(), size).cpu().numpy()
