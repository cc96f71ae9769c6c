"""Test-time augmentation and sliding window: which passes through a network make the prediction of one frame.

The prediction and its cost go by the same list, so that no pass is left out of the count.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from roadseg.pipeline.sections import Passes

_STRIDE = 32  # sides that every encoder takes


@dataclass(frozen=True)
class Pass:
    """One pass: the size that the frame is brought to, whether it is flipped, and the window of it that is seen."""

    size: tuple[int, int]
    flipped: bool
    top: int
    left: int
    window: tuple[int, int]


def passes_of(asked: Passes, height: int, width: int) -> list[Pass]:
    """Return the passes for a frame of the input size; one of the whole frame, if nothing else is asked for."""
    return [
        Pass(size, flipped, top, left, window)
        for size in dict.fromkeys(_scaled(scale, height, width) for scale in asked.scales)
        for window in [_window(asked, size)]
        for top in _starts(size[0], window[0], asked.overlap)
        for left in _starts(size[1], window[1], asked.overlap)
        for flipped in ((False, True) if asked.flip else (False,))
    ]


def _scaled(scale: float, height: int, width: int) -> tuple[int, int]:
    if scale == 1:
        return height, width
    rows, columns = (max(_STRIDE, round(side * scale / _STRIDE) * _STRIDE) for side in (height, width))
    return rows, columns


def _window(asked: Passes, size: tuple[int, int]) -> tuple[int, int]:
    """The window that slides over a frame of that size; all of it where no window is asked for."""
    if asked.window_height is None or asked.window_width is None:
        return size
    return min(asked.window_height, size[0]), min(asked.window_width, size[1])


def _starts(side: int, window: int, overlap: float) -> Iterator[int]:
    """Where windows begin along a side: evenly, so that they overlap by at least that share and reach both ends."""
    step = max(1, round(window * (1 - overlap)))
    count = -(-(side - window) // step) + 1
    return (round(i * (side - window) / max(1, count - 1)) for i in range(count))


def logits_of(model: Callable[[Tensor], Tensor], images: Tensor, passes: list[Pass]) -> Tensor:
    """Return logits (N, C, h, w) float32 for images (N, 3, H, W) float32 by all passes.

    A single pass over the whole frame gives what the network gives. Several give the logarithm of the mean of the
    classes' probabilities, at the images' size; where windows overlap, they too are averaged.
    """
    size = images.shape[2], images.shape[3]
    if passes == [Pass(size, False, 0, 0, size)]:
        return model(images).float()
    mean = torch.stack([_probabilities(model, images, *view) for view in _views(passes, images)]).mean(dim=0)
    return mean.clamp_min(torch.finfo(mean.dtype).tiny).log()  # of 0 it is infinite, and NaN once interpolated


def _views(passes: list[Pass], images: Tensor) -> Iterator[tuple[list[Pass], Tensor]]:
    """Each scaled and flipped version of the images, after the passes whose windows together cover it."""
    for size, flipped in dict.fromkeys((p.size, p.flipped) for p in passes):
        view = images
        if size != images.shape[-2:]:
            view = interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)
        view = view.flip(3) if flipped else view
        yield [p for p in passes if (p.size, p.flipped) == (size, flipped)], view


def _probabilities(model: Callable[[Tensor], Tensor], images: Tensor, windows: list[Pass], view: Tensor) -> Tensor:
    """The classes' probabilities (N, C, H, W) at the images' size, from all windows of one version of them."""
    total, seen = torch.zeros(()), torch.zeros(())
    for p in windows:
        rows, columns = slice(p.top, p.top + p.window[0]), slice(p.left, p.left + p.window[1])
        logits = interpolate(model(view[:, :, rows, columns]).float(), size=p.window, mode="bilinear")
        if total.ndim == 0:
            total = logits.new_zeros((*logits.shape[:2], *p.size))
            seen = logits.new_zeros(p.size)
        total[:, :, rows, columns] += logits.softmax(dim=1)
        seen[rows, columns] += 1
    mean = total / seen
    mean = mean.flip(3) if windows[0].flipped else mean
    size = images.shape[2], images.shape[3]
    return mean if windows[0].size == size else interpolate(mean, size=size, mode="bilinear", align_corners=False)
