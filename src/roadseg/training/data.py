"""The frames of data/seg_data that a training takes, and those that it watches."""

from collections.abc import Callable
from dataclasses import dataclass

from roadseg.frames.augment import Policy, build_policy
from roadseg.frames.batches import BatchSampler
from roadseg.frames.classes import ClassSet
from roadseg.frames.counting import count_pixels_of_files
from roadseg.frames.crops import Crops
from roadseg.frames.files import FrameFiles, split_files
from roadseg.frames.store import Frames, load_frames, load_whole_frames
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.machine import store_folder
from roadseg.pipeline.params import Params
from roadseg.pipeline.sections import Input, Strong
from roadseg.pipeline.stage import read_json
from roadseg.training.processes import check_batches


@dataclass(frozen=True)
class Data:
    """What is trained on, and what is watched."""

    names: list[str]  # of the pictures
    files: list[FrameFiles]
    frames: Frames | Crops
    draws_of: Callable[[int], BatchSampler]  # by a seed
    policy: Policy | None
    watched_files: list[FrameFiles]
    watched: Frames


def load_data(params: Params, classes: ClassSet, world: int) -> Data:
    """The frames of data/seg_data that this training takes; UserError where so many processes can't share them."""
    files, watched_files = _chosen_files(params.train.select)
    kind, batch_size = params.augmentation.draws, params.train.batch_size
    check_batches(len(files), batch_size, world)
    return Data(
        [file.image.name for file in files],
        files,
        _training_frames(files, classes, params.augment, params.input, params.augmentation.strong),
        lambda seed: BatchSampler(len(files), batch_size, seed, kind),
        build_policy(params.augment, params.augmentation.label_fill),
        watched_files,
        load_frames(watched_files, params.input, training=False, store=store_folder()),
    )


def _chosen_files(select: str) -> tuple[list[FrameFiles], list[FrameFiles]]:
    """Return the frames to train on, and those whose mIoU is watched: the held-out ones, the test frames, or none.

    Raises UserError where an epoch is to be chosen and no frame is held out for it.
    """
    splits = read_json(paths.SPLITS)
    if select == "all":
        train, held_out = (split_files(paths.SEG_DATA, splits, part) for part in ("train", "val"))
        return train + held_out, []
    watched = split_files(paths.SEG_DATA, splits, "test" if select == "test" else "val")
    if select != "last" and not watched:
        remedy = "raise data.val_fraction, or select last" if len(splits["train"]) > 1 else "select last"
        raise UserError(f"train.select: {select}, but no frame is held out for it; {remedy}")
    return split_files(paths.SEG_DATA, splits, "train"), watched


def _training_frames(
    files: list[FrameFiles], classes: ClassSet, augment: str, target: Input, strong: Strong
) -> Frames | Crops:
    """Return the frames at the input size or, for `strong`, crops of the whole ones.

    Raises UserError where a file can't be read or the store can't be written.
    """
    if augment == "strong":
        counts = count_pixels_of_files((file.label for file in files), len(classes))  # (N, K)
        return Crops(load_whole_frames(files, store_folder()), counts, target, strong)
    return load_frames(files, target, training=True, store=store_folder())
