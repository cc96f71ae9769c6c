"""What a network is worth on the watched frames: its loss, its mIoU and each class's IoU, from one pass over them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from roadseg.frames.classes import NUM_CLASSES
from roadseg.frames.counting import VALUES, count_pixels_of_files, joint_histogram
from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_label
from roadseg.frames.store import Frames
from roadseg.networks.prediction import class_maps, torch_engine, upsample_like
from roadseg.scoring.accuracy import cal_acc
from roadseg.training.losses import Loss
from roadseg.training.processes import sum_over_processes


@dataclass(frozen=True)
class Watched:
    """The loss, the mIoU over all classes, and the IoU of each, on the watched frames."""

    loss: float
    miou: float
    iou: list[float]


def watch(
    fabric: Fabric,
    model: nn.Module,
    frames: Frames,
    files: Sequence[FrameFiles],
    batch_size: int,
    loss_of: Loss,
    num_classes: int = NUM_CLASSES,
) -> Watched:
    """Return what a model is worth on frames; it is left in eval mode, and no random number is drawn.

    The IoUs are as `cal_acc` defines them, at the labels' own sizes. The loss is that of each batch at the input size,
    weighted by its frames. `loss_of` takes logits (N, C, H, W) float32 and labels (N, H, W) uint8, and sums over no
    other process: the processes share whole batches out among them, and each gets the result.
    Raises UserError for an unreadable label.
    """
    joint, losses = np.zeros((VALUES, VALUES), dtype=np.int64), 0.0
    engine = torch_engine(model, frames.size, fabric.device)
    for batch in _share(len(frames), batch_size, fabric):
        with torch.inference_mode():
            logits = engine(frames.images[batch])  # (N, C, h, w)
            labels = torch.from_numpy(frames.labels[batch]).to(fabric.device)
            losses += len(batch) * loss_of(upsample_like(logits, labels), labels).item()
        maps = class_maps(logits, [frames.sizes[index] for index in batch], "bilinear")
        for index, classes in zip(batch, maps, strict=True):
            joint += joint_histogram(classes, read_label(files[index].label))
    total = sum_over_processes(torch.from_numpy(joint).to(fabric.device))
    loss = sum_over_processes(torch.tensor(losses, device=fabric.device)) / len(frames)
    miou, iou = cal_acc(total.cpu().numpy(), num_classes)
    return Watched(loss.item(), miou, iou.tolist())


def _share(num_frames: int, batch_size: int, fabric: Fabric) -> Iterator[list[int]]:
    """Yield this process's batches of the frames' numbers: which frames are in one is the same for any processes."""
    for start in range(fabric.global_rank * batch_size, num_frames, fabric.world_size * batch_size):
        yield list(range(start, min(start + batch_size, num_frames)))


def chance_of(files: Sequence[FrameFiles], num_classes: int = NUM_CLASSES) -> float:
    """Return the mIoU of the best map that is of one class everywhere; UserError for an unreadable label.

    All valid pixels are then the union of that class with its truth, and all other classes count as 0.
    """
    counts = count_pixels_of_files((file.label for file in files), num_classes).sum(axis=0)  # (K,)
    return float(counts.max() / max(counts.sum(), 1) / num_classes)
