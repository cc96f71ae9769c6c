"""From uint8 frames to class maps at the size of each frame's label."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeAlias

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from roadseg.frames.store import Frames
from roadseg.networks.tta import Pass, logits_of, passes_of
from roadseg.pipeline.sections import Passes

Engine: TypeAlias = Callable[[np.ndarray], Tensor]  # images (N, H, W, 3) uint8 RGB -> logits (N, C, h, w) float32

# ImageNet statistics of RGB values in 0..1, which all pretrained weights here were trained with
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_OPENCV = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}


def normalize(images: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 RGB -> (N, 3, H, W) float32 of ImageNet's mean and spread, channels last in memory."""
    mean, std = images.new_tensor(_MEAN, dtype=torch.float32), images.new_tensor(_STD, dtype=torch.float32)
    return ((images.float() / 255 - mean) / std).permute(0, 3, 1, 2)


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


def predict(
    engine: Engine, frames: Frames, indices: Sequence[int], batch_size: int, upsampling: str
) -> Iterator[np.ndarray]:
    """Yield the class map of each frame asked for, (H, W) uint8 at its own size."""
    for start in range(0, len(indices), batch_size):
        batch = list(indices[start : start + batch_size])
        yield from class_maps(engine(frames.images[batch]), [frames.sizes[index] for index in batch], upsampling)


def class_maps(logits: Tensor, sizes: Sequence[tuple[int, int]], upsampling: str) -> list[np.ndarray]:
    """(N, C, h, w) logits -> N class maps, (H, W) uint8 each of its own size; a frame for each of torch's threads."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(UPSAMPLING[upsampling], logits, sizes))


def upsample_like(logits: Tensor, labels: Tensor) -> Tensor:
    """Upsample logits (N, C, h, w) float to the sides of labels (N, H, W) uint8, where the network left them smaller.

    Bilinear, each side by a product with the matrix of its weights: there and back that takes less than torch's own.
    """
    if logits.shape[-2:] == labels.shape[-2:]:
        return logits
    with torch.autocast(logits.device.type, enabled=False):  # in float32, whatever the network computes in
        wide = logits.float().contiguous()
        rows, columns = (
            _weights(old, new, wide.device) for old, new in zip(wide.shape[-2:], labels.shape[-2:], strict=True)
        )
        return rows @ (wide @ columns.T)


def _weights(old: int, new: int, device: torch.device) -> Tensor:
    """(new, old): how much of each old pixel is in each new one, along one side."""
    each = torch.eye(old, device=device)[None, None]
    return interpolate(each, size=(new, old), mode="bilinear", align_corners=False)[0, 0]


def upsample_logits(logits: Tensor, size: tuple[int, int], mode: str = "bilinear") -> np.ndarray:
    """(C, h, w) logits -> (H, W) uint8 classes at `size`: upsampled logits put borders between the network's pixels.

    `mode` is bilinear, or bicubic, which keeps thin things that the former blurs where the logits are coarse. On a CPU
    by OpenCV, class by class: its rules are torch's, at a third of the time or less.
    """
    if logits.device.type == "cpu":
        return _largest_when_upsampled(_planes(logits.float()), size, _OPENCV[mode])
    return interpolate(logits[None], size=size, mode=mode)[0].max(dim=0).indices.byte().cpu().numpy()


def _planes(logits: Tensor) -> np.ndarray:
    """(C, h, w) float32 on the CPU, class after class in memory."""
    pixels = logits.permute(1, 2, 0)
    if not pixels.is_contiguous():
        return logits.contiguous().numpy()
    planes = cv2.transpose(pixels.reshape(-1, len(logits)).numpy())  # ten times as fast as torch's copy
    return planes.reshape(logits.shape)


def _largest_when_upsampled(planes: np.ndarray, size: tuple[int, int], rule: int) -> np.ndarray:
    """Class by class: a plane stays in the processor's cache, and all those of a frame of 4000x3000 fill a gigabyte."""
    best = cv2.resize(planes[0], size[::-1], interpolation=rule)
    classes, grown, won = np.zeros(size, np.uint8), np.empty_like(best), np.empty(size, np.uint8)
    for number, plane in enumerate(planes[1:], 1):
        cv2.resize(plane, size[::-1], dst=grown, interpolation=rule)
        cv2.compare(grown, best, cv2.CMP_GT, dst=won)  # 255 where it is larger: ties go to the first
        cv2.max(classes, np.minimum(won, number, out=won), dst=classes)
        cv2.max(best, grown, dst=best)
    return classes


def upsample_classes(logits: Tensor, size: tuple[int, int]) -> np.ndarray:
    """(C, h, w) logits -> (H, W) uint8 classes by the study's way: the class map is upsampled by nearest neighbour."""
    classes = logits.max(dim=0).indices.byte()  # on a CPU four times faster than argmax; ties go to the first
    return interpolate(classes[None, None], size=size, mode="nearest")[0, 0].cpu().numpy()


UPSAMPLING: Mapping[str, Callable[[Tensor, tuple[int, int]], np.ndarray]] = {
    "bilinear": upsample_logits,
    "bicubic": partial(upsample_logits, mode="bicubic"),
    "class_map": upsample_classes,
}
