"""The score of a network on frames with a truth, while it trains."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from roadseg.frames import FrameFiles, Frames, load_frames
from roadseg.images import read_label
from roadseg.prediction import predict
from roadseg.scoring import cal_acc, joint_histogram


@dataclass(frozen=True)
class WatchedFrames:
    """Frames at the input size beside their labels at the labels' own sizes."""

    frames: Frames
    truths: list[np.ndarray]

    @classmethod
    def load(cls, files: Sequence[FrameFiles], height: int, width: int, resize: str) -> "WatchedFrames":
        return cls(load_frames(files, height, width, resize), [read_label(file.label) for file in files])

    def miou(self, model: nn.Module, batch_size: int, device: torch.device) -> float | None:
        """The mIoU over all classes, as `cal_acc` defines it; None where no frame is watched."""
        if not self.truths:
            return None
        maps = predict(model, self.frames, batch_size, "logits", device)
        joints = [joint_histogram(*pair) for pair in zip(maps, self.truths, strict=True)]
        return cal_acc(np.sum(joints, axis=0))[0]
