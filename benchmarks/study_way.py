"""The study's way of working, re-stated from its description as the side that each part is measured against.

It is the notebook's usual shape: files are decoded, resized and normalised again in every epoch, the Dice loss goes
through a one-hot tensor, each image is scored by three histograms, and all arithmetic is float32 in the default layout.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations as A  # noqa: N812
import cv2
import numpy as np
import torch
from albumentations.pytorch import ToTensorV2
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot
from torch.optim import AdamW
from torch.utils.data import DataLoader, Dataset

from roadseg.frames.classes import PALETTE
from roadseg.frames.files import FrameFiles

NUM_CLASSES = 19
IGNORE = 255


def train_policy(height: int, width: int) -> A.Compose:
    return A.Compose([
        A.Resize(height, width, interpolation=cv2.INTER_NEAREST),
        A.HorizontalFlip(p=0.5),
        A.Affine(
            translate_percent={"x": (-0.1, 0.1), "y": (-0.1, 0.1)},
            scale=(0.9, 1.1),
            rotate=(-20, 20),
            keep_ratio=True,
            fill=0,
            fill_mask=0,
            p=0.4,
        ),
        A.RandomBrightnessContrast(p=0.3),
        A.ColorJitter(p=0.3),
        A.HueSaturationValue(p=0.3),
        A.OneOf([A.MotionBlur(p=1), A.GaussianBlur(p=1), A.GaussNoise(p=1)], p=0.2),
        A.Normalize(),
        ToTensorV2(),
    ])  # fmt: skip


def read(path: Path, flags: int = cv2.IMREAD_COLOR) -> Any:
    return cv2.imread(str(path), flags)


class FilesDataset(Dataset[tuple[Tensor, Tensor]]):
    """Decodes and resizes a frame each time that it is asked for."""

    def __init__(self, files: Sequence[FrameFiles], height: int, width: int) -> None:
        self.files = files
        self.policy = train_policy(height, width)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = cv2.cvtColor(read(self.files[index].image), cv2.COLOR_BGR2RGB)
        label = read(self.files[index].label, cv2.IMREAD_UNCHANGED)
        sample = self.policy(image=image, mask=label)
        return sample["image"], sample["mask"].long()


def loader(files: Sequence[FrameFiles], height: int, width: int, batch_size: int = 4, workers: int = 2) -> DataLoader:
    return DataLoader(FilesDataset(files, height, width), batch_size, shuffle=True, num_workers=workers)


def dice(logits: Tensor, targets: Tensor) -> Tensor:
    """Summed over classes, through a one-hot tensor as large as the logits."""
    prob = logits.softmax(dim=1)
    valid = (targets != IGNORE).unsqueeze(-1)
    truth = one_hot(targets.where(targets != IGNORE, torch.zeros_like(targets)), NUM_CLASSES) * valid
    truth = truth.permute(0, 3, 1, 2).to(prob.dtype)
    true_positive = (prob * truth).sum(dim=(0, 2, 3))
    false_positive = prob.sum(dim=(0, 2, 3)) - true_positive
    false_negative = truth.sum(dim=(0, 2, 3)) - true_positive
    score = (2 * true_positive + 1e-7) / (2 * true_positive + false_negative + false_positive + 1e-7)
    return (1 - score).sum()


def ce_dice(logits: Tensor, targets: Tensor) -> Tensor:
    return 0.5 * cross_entropy(logits, targets, ignore_index=IGNORE) + 0.5 * dice(logits, targets) / NUM_CLASSES


def optimizer_of(network: nn.Module) -> AdamW:
    return AdamW(network.parameters(), lr=1e-4, weight_decay=1e-4)


def training_step(network: nn.Module, optimizer: AdamW, images: Tensor, targets: Tensor) -> float:
    optimizer.zero_grad()
    loss = ce_dice(network(images), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


def cal_acc(pred_folder: Path, truth_folder: Path) -> tuple[float, np.ndarray]:
    edges = np.arange(NUM_CLASSES + 1)
    intersection, union = np.zeros(NUM_CLASSES), np.zeros(NUM_CLASSES)
    for file in sorted(truth_folder.iterdir()):
        pred = read(pred_folder / file.name, cv2.IMREAD_UNCHANGED)
        truth = read(file, cv2.IMREAD_UNCHANGED)
        pred[truth == IGNORE] = IGNORE
        agreed = np.histogram(pred[pred == truth], bins=edges)[0]
        intersection += agreed
        union += np.histogram(pred, bins=edges)[0] + np.histogram(truth, bins=edges)[0] - agreed
    iou = intersection / (union + 1e-10)
    return float(np.mean(iou)), iou


def class_weights(batches: DataLoader) -> np.ndarray:
    """Counts the labels that come out of the (augmenting) loader."""
    counts = np.zeros(NUM_CLASSES)
    for _, targets in batches:
        flat = targets[targets != IGNORE].numpy().ravel()
        counts += np.bincount(flat, minlength=NUM_CLASSES)
    weights = 1 / (counts / counts.sum() + 1e-6)
    return weights / weights.sum() * NUM_CLASSES


def predict(network: nn.Module, files: Sequence[FrameFiles], height: int, width: int, folder: Path) -> Iterator[Path]:
    """Frame by frame: read, forward, upsample the class map, write it in grey and in colour."""
    prepare = A.Compose([A.Resize(height, width), A.Normalize(), ToTensorV2()])
    colours = np.concatenate([PALETTE, np.zeros((256 - NUM_CLASSES, 3), np.uint8)])
    network.eval()
    for file in files:
        image = cv2.cvtColor(read(file.image), cv2.COLOR_BGR2RGB)
        with torch.no_grad():
            logits = network(prepare(image=image)["image"].unsqueeze(0))
        classes = logits.argmax(dim=1)[0].numpy().astype(np.uint8)
        classes = cv2.resize(classes, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST)
        grey = folder / "grey" / f"{file.image.stem}.png"
        cv2.imwrite(str(grey), classes)
        cv2.imwrite(str(folder / "color" / grey.name), colours[classes][..., ::-1])
        yield grey
