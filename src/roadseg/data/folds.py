"""k-fold cross-validation of small data sets: parts of the training frames take turns at being tested on."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from roadseg.frames.classes import NUM_CLASSES
from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError


def hold_out_fold(folder: Path, number: int, count: int, num_classes: int = NUM_CLASSES) -> None:
    """Make part `number` of `count` of a layout's training frames its test frames, in place of those that it had.

    So nothing is chosen by the frames that are to be tested on in the end. Raises UserError where there are fewer
    training frames than parts.
    """
    labels = sorted((folder / "training" / "label").iterdir())
    if len(labels) < count:
        raise UserError(f"data.fold: {number}/{count}, but there are {len(labels)} training frames; lower {count}")
    pixels = np.stack([np.bincount(read_label(path).ravel(), minlength=256)[:num_classes] for path in labels])
    held_out = {path.stem for path, fold in zip(labels, assign_folds(pixels, count), strict=True) if fold == number - 1}
    for kind in ("image", "label"):
        shutil.rmtree(folder / "testing" / kind)
        (folder / "testing" / kind).mkdir()
        for path in list((folder / "training" / kind).iterdir()):
            if path.stem in held_out:
                path.rename(folder / "testing" / kind / path.name)


def assign_folds(pixels: np.ndarray, count: int) -> Sequence[int]:
    """Return the fold, 0..count-1, of each frame by its pixels of each class, (N, K) of any integer type.

    The folds differ by at most one frame. The rarest class comes first: its frames, those with most of it before the
    others, go one by one to the fold that has least of it; so each class is in as many folds as it can be.
    """
    frames = len(pixels)
    room = [frames // count + (fold < frames % count) for fold in range(count)]
    folds = np.full(frames, -1)
    by_rarity = sorted(range(pixels.shape[1]), key=lambda k: ((pixels[:, k] > 0).sum(), pixels[:, k].sum()))
    for k in by_rarity:
        for frame in np.argsort(-pixels[:, k], kind="stable"):
            if folds[frame] < 0 and pixels[frame, k] > 0:
                held = [pixels[folds == fold, k].sum() for fold in range(count)]
                open_folds = [fold for fold in range(count) if room[fold]]
                folds[frame] = min(open_folds, key=lambda fold: (held[fold], -room[fold], fold))
                room[folds[frame]] -= 1
    for frame in np.flatnonzero(folds < 0):  # without any labelled pixel
        folds[frame] = max(range(count), key=lambda fold: room[fold])
        room[folds[frame]] -= 1
    return [int(fold) for fold in folds]
