"""The score of a network on frames with a truth, while it trains."""

from collections.abc import Sequence

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from roadseg.frames.resized import FrameFiles, Frames
from roadseg.images import read_label
from roadseg.networks.prediction import predict
from roadseg.scoring.counting import VALUES
from roadseg.scoring.scoring import cal_acc, joint_histogram
from roadseg.training.processes import sum_over_processes


def miou_of(fabric: Fabric, model: nn.Module, frames: Frames, files: Sequence[FrameFiles], batch_size: int) -> float:
    """The mIoU over all classes, as `cal_acc` defines it, at the labels' own sizes.

    The processes share the frames out among them, and each gets the result.
    """
    mine = range(fabric.global_rank, len(frames), fabric.world_size)
    joint = np.zeros((VALUES, VALUES), dtype=np.int64)
    maps = predict(model, frames, mine, batch_size, "logits", fabric.device)
    for i, classes in zip(mine, maps, strict=True):
        joint += joint_histogram(classes, read_label(files[i].label))
    total = sum_over_processes(torch.from_numpy(joint).to(fabric.device))
    return cal_acc(total.cpu().numpy())[0]
