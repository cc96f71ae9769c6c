"""How training frames are changed at random."""

import hashlib
import os
import random
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else the import asks the network for a newer version
import albumentations as A  # noqa: N812

from roadseg.pipeline.errors import UserError

Policy: TypeAlias = A.Compose


class TrainingFrames(Protocol):
    """Pictures and labels of one size, each of which a key may draw anew."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""

    def sample(self, index: int, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (H, W, 3) uint8 RGB and (H, W) uint8, the same ones whenever index and key are the same."""


@dataclass(frozen=True)
class Augmented:
    """Frames that a policy changes; without one they stay as they are."""

    frames: TrainingFrames
    policy: Policy | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.frames.size

    def sample(self, index: int, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (H, W, 3) uint8 RGB and (H, W) uint8; `key` seeds all that is drawn."""
        image, label = self.frames.sample(index, key)
        if self.policy is None:
            return image, label
        seed_policy(self.policy, key)
        sample = self.policy(image=image, mask=label)
        return sample["image"], sample["mask"]


def build_policy(name: str, label_fill: int) -> Policy | None:
    """Build the augmentation of that name (`augment` in params.yaml), None for `none`.

    It takes an image (H, W, 3) uint8 RGB and a mask (H, W) uint8, for `strong` those of a crop (`crops.Crops`).
    `label_fill` is the class of the border that a shift, shrinking or rotation of `study` brings in; its pixels are
    black. Raises UserError for an unknown name.
    """
    match name:
        case "none":
            return None
        case "study":
            return _study_policy(label_fill)
        case "strong":
            return _strong_policy()
    raise UserError(f"augment: {name!r} is unknown; choose none, study or strong")


def generator_of(key: str) -> np.random.Generator:
    """Return a generator whose draws depend on `key` alone."""
    return np.random.default_rng(list(hashlib.sha256(key.encode()).digest()[:16]))


def seed_policy(policy: Policy, key: str) -> None:
    """Let the next draws of a policy, of all its transforms and choices, depend on `key` alone.

    All transforms draw from one generator. `set_random_seed` would give each transform a generator of its own with the
    same seed: whatever one of them draws, all the others draw too.
    """
    policy.set_random_state(generator_of(key), random.Random(hashlib.sha256(key.encode()).digest()[16:]))


def _study_policy(label_fill: int) -> Policy:
    """The study's augmentation (docs/study.md, Training) for frames that are resized already."""
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


def _strong_policy() -> Policy:
    """What happens to a crop: only what leaves its pixels where they are, or turns it over."""
    return A.Compose([
        A.HorizontalFlip(p=0.5),
        _jitter(brightness=0.3),
        _jitter(contrast=0.3),
        _jitter(saturation=0.3, hue=0.05),
        A.GaussianBlur(blur_limit=0, sigma_limit=(0.3, 1.2), p=0.15),
    ])  # fmt: skip


def _jitter(brightness: float = 0, contrast: float = 0, saturation: float = 0, hue: float = 0) -> A.ColorJitter:
    return A.ColorJitter(brightness, contrast, saturation, hue, p=0.5)
