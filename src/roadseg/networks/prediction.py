"""From uint8 frames to class maps at the size of each frame's label."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from roadseg.frames.resized import Frames
from roadseg.networks.passes import Pass, logits_of, passes_of
from roadseg.specs import Passes

Engine: TypeAlias = Callable[[np.ndarray], Tensor]  # images (N, H, W, 3) uint8 RGB -> logits (N, C, h, w) float32

# ImageNet statistics of RGB values in 0..1, which all pretrained weights here were trained with
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def normalize(images: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) float32 of ImageNet's mean and spread, channels last in memory."""
    mean, std = images.new_tensor(_MEAN, dtype=torch.float32), images.new_tensor(_STD, dtype=torch.float32)
    return ((images.float() / 255 - mean) / std).permute(0, 3, 1, 2)


def as_large_as(logits: Tensor, labels: Tensor) -> Tensor:
    """Enlarge logits (N, C, h, w) float to the sides of labels (N, H, W) uint8, where the network left them smaller."""
    size = labels.shape[-2:]
    if logits.shape[-2:] == size:
        return logits
    # contiguous: enlarging channels_last logits of few pixels takes several times as long on a CPU
    return interpolate(logits.float().contiguous(), size=size, mode="bilinear", align_corners=False)


def enlarge_logits(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, h, w) logits -> (H, W) uint8 classes at `size`: logits grow, so that borders fall between input pixels.

    Class by class: a plane stays in the processor's cache, where all of them at once take twice the time and, for a
    frame of 4000x3000, a gigabyte.
    """
    planes = (interpolate(plane[None, None], size=size, mode="bilinear")[0, 0] for plane in logits)
    best = next(planes)
    classes = torch.zeros_like(best, dtype=torch.uint8)
    for number, plane in enumerate(planes, 1):
        torch.maximum(classes, (plane > best).byte().mul_(number), out=classes)  # ties go to the first
        torch.maximum(best, plane, out=best)
    return classes


def enlarge_classes(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """(C, h, w) logits -> (H, W) uint8 classes by the study's way: the class map grows by nearest neighbour."""
    classes = logits.max(dim=0).indices.byte()  # on a CPU four times faster than argmax; ties go to the first
    return interpolate(classes[None, None], size=size, mode="nearest")[0, 0]


ENLARGE = {"logits": enlarge_logits, "classes": enlarge_classes}


def predict(
    model: nn.Module,
    frames: Frames,
    indices: Sequence[int],
    batch_size: int,
    enlarge: str,
    device: torch.device,
    asked: Passes | None = None,
) -> Iterator[np.ndarray]:
    """Yield the class map of each frame asked for, (H, W) uint8 at its own size; leaves the model in eval mode.

    `asked` says by which passes; None is one over the whole frame.
    """
    engine = torch_engine(model, frames.size, device, asked)
    for start in range(0, len(indices), batch_size):
        batch = list(indices[start : start + batch_size])
        with torch.inference_mode():
            for index, logits in zip(batch, engine(frames.images[batch]), strict=True):
                yield ENLARGE[enlarge](logits, frames.sizes[index]).cpu().numpy()


def torch_engine(model: nn.Module, size: tuple[int, int], device: torch.device, asked: Passes | None = None) -> Engine:
    """Return what gives images of that (height, width) their logits by all passes asked for, one where it is None.

    Leaves the model in eval mode.
    """
    model.eval()
    passes = passes_of(asked, *size) if asked else [Pass(size, False, 0, 0, size)]

    def logits(images: np.ndarray) -> Tensor:
        with torch.inference_mode():
            return logits_of(model, normalize(torch.from_numpy(images).to(device)), passes)

    return logits
