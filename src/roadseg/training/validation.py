"""What a network is worth on the validation set: its loss, its mIoU and each class's IoU, from one pass over it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from roadseg.frames.counting import VALUES, count_pixels_of_files, joint_histogram
from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_label
from roadseg.frames.store import Frames
from roadseg.networks.prediction import class_maps, torch_engine, upsample_like
from roadseg.scoring.accuracy import cal_acc
from roadseg.training.losses import Loss
from roadseg.training.processes import sum_over_processes


@dataclass(frozen=True)
class ValidationSet:
    """Frames that the network is validated on after each epoch; there may be none."""

    files: Sequence[FrameFiles]
    frames: Frames
    num_classes: int

    def miou_of_one_class(self) -> float | None:
        """Return the mIoU of the best map that is of one class everywhere, None where the set is empty.

        All valid pixels are then the union of that class with its ground truth, and all other classes count as 0.
        Raises UserError for an unreadable label.
        """
        if not self.files:
            return None
        counts = count_pixels_of_files((file.label for file in self.files), self.num_classes).sum(axis=0)  # (K,)
        return float(counts.max() / max(counts.sum(), 1) / self.num_classes)


class Validation(TypedDict):
    """The loss, the mIoU over all classes, and the IoU of each; None where the validation set is empty."""

    val_loss: float | None
    miou: float | None
    iou: list[float] | None


def validate(
    fabric: Fabric, model: nn.Module, validation_set: ValidationSet, batch_size: int, loss_of: Loss
) -> Validation:
    """Return what a model is worth; it is left in eval mode, and no random number is drawn.

    The IoUs are as `cal_acc` defines them, at the labels' own sizes. The loss is that of each batch at the input size,
    weighted by its frames. `loss_of` takes logits (N, C, H, W) float32 and labels (N, H, W) uint8, and sums over no
    other process: the processes share whole batches out among them, and each gets the result.
    Raises UserError for an unreadable label.
    """
    files, frames = validation_set.files, validation_set.frames
    if not files:
        return {"val_loss": None, "miou": None, "iou": None}
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
    miou, iou = cal_acc(total.cpu().numpy(), validation_set.num_classes)
    return {"val_loss": loss.item(), "miou": miou, "iou": iou.tolist()}


def _share(num_frames: int, batch_size: int, fabric: Fabric) -> Iterator[list[int]]:
    """Yield this process's batches of the frames' numbers: which frames are in one is the same for any processes."""
    for start in range(fabric.global_rank * batch_size, num_frames, fabric.world_size * batch_size):
        yield list(range(start, min(start + batch_size, num_frames)))
