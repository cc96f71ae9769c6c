"""The study's augmentation."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else the import asks the network for a newer version
import albumentations as A  # noqa: N812


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
