"""Training samples with random augmentation whose draws depend on the epoch and the frame, not on any worker."""

import hashlib
import os
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from roadseg.frames import Frames

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else the import asks the network for a newer version
import albumentations as A  # noqa: N812

Draw = tuple[str, int]  # what seeds a sample's augmentation, and which frame it is


def study_policy(label_fill: int) -> A.Compose:
    """The study's augmentation (spec section 4) for frames that are resized already.

    `label_fill` is the class of the border that a shift, shrinking or rotation brings in; its pixels are black.
    """
    blur_or_noise = [A.MotionBlur(p=1), A.GaussianBlur(p=1), A.GaussNoise(p=1)]
    move = A.Affine(
        translate_percent={"x": (-0.1, 0.1), "y": (-0.1, 0.1)},
        scale=(0.9, 1.1),
        rotate=(-20, 20),
        keep_ratio=True,
        fill=0,
        fill_mask=label_fill,
        p=0.4,
    )
    return A.Compose([
        A.HorizontalFlip(p=0.5),
        move,
        A.RandomBrightnessContrast(p=0.3),
        A.ColorJitter(p=0.3),
        A.HueSaturationValue(p=0.3),
        A.OneOf(blur_or_noise, p=0.2),
    ])  # fmt: skip


class AugmentedFrames(Dataset[tuple[Tensor, Tensor]]):
    """Frames by (draw, index): an image (H, W, 3) and its label (H, W), uint8, augmented where a policy is given."""

    def __init__(self, frames: Frames, policy: A.Compose | None) -> None:
        self.frames = frames
        self.policy = policy

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        key, index = draw
        image, label = self.frames.images[index], self.frames.labels[index]
        if self.policy is not None:
            self.policy.set_random_seed(int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]))
            sample = self.policy(image=image, mask=label)
            image, label = sample["image"], sample["mask"]
        return torch.from_numpy(np.ascontiguousarray(image)), torch.from_numpy(np.ascontiguousarray(label))


class ShuffledDraws(Sampler[Draw]):
    """Every frame once an epoch in a new order, each with what seeds its augmentation.

    `fresh` draws differ by epoch and frame, and are the same for any number of workers. `frozen` repeats the study's
    fault (spec section 6.3): two workers take batches in turn, and each starts every epoch with the same draws.
    """

    def __init__(self, num_frames: int, seed: int, draws: str, batch_size: int) -> None:
        self.num_frames, self.seed, self.draws, self.batch_size = num_frames, seed, draws, batch_size
        self.epoch = 0

    def __len__(self) -> int:
        return self.num_frames

    def __iter__(self) -> Iterator[Draw]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.num_frames)
        for position, index in enumerate(order.tolist()):
            yield self._key(position, index), index

    def _key(self, position: int, index: int) -> str:
        if self.draws == "fresh":
            return f"{self.seed}/{self.epoch}/{index}"
        batch, place = divmod(position, self.batch_size)
        return f"{self.seed}/{batch // 2 * self.batch_size + place}"


def augmented_batches(frames: Frames, draws: ShuffledDraws, policy: A.Compose | None) -> DataLoader:
    """Load batches of images (B, H, W, 3) and labels (B, H, W), uint8, in a process for each core (8 at most).

    The number of processes changes no sample.
    """
    workers = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    return DataLoader(
        AugmentedFrames(frames, policy),
        batch_size=draws.batch_size,
        sampler=draws,
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
    )


def _one_thread(_: int) -> None:
    cv2.setNumThreads(0)  # the processes are the parallelism
