"""Where the frames of a data set in the seg_data layout are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from roadseg.pipeline.errors import UserError

Split: TypeAlias = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True)
class FrameFiles:
    """Where one frame's picture and label are."""

    image: Path
    label: Path


def split_files(folder: Path, splits: Mapping[str, Sequence[str]], split: Split) -> list[FrameFiles]:
    """Find the frames of a split of the data in `folder`; the validation frames lie among those for training.

    `splits` is the content of splits.json. Raises UserError where a picture is missing.
    """
    return frame_files(folder / ("testing" if split == "test" else "training"), splits[split])


def files_by_split(folder: Path, splits: Mapping[str, Sequence[str]]) -> dict[str, list[FrameFiles]]:
    """Find the frames of each split that has any; UserError where a picture is missing."""
    return {split: split_files(folder, splits, split) for split in SPLITS if splits[split]}


def frame_files(folder: Path, stems: Sequence[str]) -> list[FrameFiles]:
    """Find frames by their stems in a folder with `image/` and `label/`; UserError where a picture is missing."""
    image_of_stem = {path.stem: path for path in (folder / "image").iterdir()}
    missing = [stem for stem in stems if stem not in image_of_stem]
    if missing:
        raise UserError(f"{folder / 'image'} has no picture {missing[0]}; run `dvc repro fetch_data`")
    return [FrameFiles(image_of_stem[stem], folder / "label" / f"{stem}.png") for stem in stems]


def files_of_training(
    folder: Path, splits: Mapping[str, Sequence[str]], select: str
) -> tuple[list[FrameFiles], list[FrameFiles]]:
    """Return the frames to train on and those of the validation set, which `train.select` decides.

    Raises UserError where the validation set has to choose the epoch and is empty.
    """
    train, val = (
        split_files(folder, splits, "train"),
        split_files(folder, splits, "test" if select == "test" else "val"),
    )
    if select == "all":
        return train + val, []
    if select != "last" and not val:
        remedy = "raise data.val_fraction, or select last" if len(train) > 1 else "select last"
        raise UserError(f"train.select: {select}, but the validation set is empty; {remedy}")
    return train, val
