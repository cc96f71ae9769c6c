"""The frames of data/seg_data that a training takes, and those that it watches."""

from collections.abc import Mapping

from pipeline import paths
from pipeline.machine import store_folder
from pipeline.stage import read_json
from roadseg.classes import ClassSet
from roadseg.errors import UserError
from roadseg.frames.crops import Crops
from roadseg.frames.files import FrameFiles, further_files, split_files
from roadseg.frames.mixing import Further
from roadseg.frames.resized import Frames, load_frames
from roadseg.frames.whole import load_whole_frames
from roadseg.scoring.class_weights import count_pixels_of_files
from roadseg.specs import Input, Strong


def chosen_files(select: str) -> tuple[list[FrameFiles], list[FrameFiles]]:
    """Return the frames to train on, and those whose mIoU is watched: the held-out ones, the test frames, or none.

    Raises UserError where an epoch is to be chosen and no frame is held out for it.
    """
    splits = read_json(paths.SPLITS)
    if select == "all":
        train, held_out = (split_files(paths.SEG_DATA, splits, part) for part in ("train", "val"))
        return train + held_out, []
    watched = split_files(paths.SEG_DATA, splits, "test" if select == "test" else "val")
    if select != "last" and not watched:
        raise UserError(
            f"train.select: {select}, but no frame is held out for it; raise data.val_fraction, or select last"
        )
    return split_files(paths.SEG_DATA, splits, "train"), watched


def training_frames(
    main: list[FrameFiles], further: list[FrameFiles], classes: ClassSet, augment: str, target: Input, strong: Strong
) -> Frames | Crops:
    """Return the main frames and the further ones at the input size or, for `strong`, crops of the whole ones.

    Raises UserError where a file can't be read or the store can't be written.
    """
    files = [*main, *further]
    if augment == "strong":
        counts = count_pixels_of_files((file.label for file in files), len(classes))  # (N, K)
        return Crops(load_whole_frames(files, store_folder()), counts, target, strong, classes.names, len(main))
    return load_frames(files, target, training=True, store=store_folder())


def further_data(shares: Mapping[str, float]) -> tuple[list[FrameFiles], list[Further]]:
    """Return the frames to train on beside the main ones, source by source, and how much of each an epoch holds.

    Raises UserError where those of a source have not been fetched.
    """
    splits = read_json(paths.SPLITS)
    files = {name: further_files(paths.SEG_DATA, splits, name) for name in sorted(shares)}
    further = [Further(len(found), shares[name]) for name, found in files.items()]
    return [file for found in files.values() for file in found], further
