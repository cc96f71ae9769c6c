"""Which frames are for validation and for testing: by their names, or part by part in cross-validation.

Frames are ranked by the SHA-256 of a word and their stem ("val/000012_10"), and the lowest are taken: whatever the
seed, the order or the other frames.
"""

import hashlib
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError


def ranked(stems: Collection[str], word: str) -> list[str]:
    """Sort stems by the SHA-256 of the word and the stem."""
    return sorted(stems, key=lambda stem: hashlib.sha256(f"{word}/{stem}".encode()).digest())


def make_splits(
    training: Collection[str], testing: Collection[str], val_fraction: float, val: Collection[str] | None = None
) -> dict[str, list[str]]:
    """Return the names of the train, val and test frames, each in order; val frames lie in the training folder.

    The val frames are `val`, as far as they lie there, or round(val_fraction * frames) of those for training, at least
    one where the fraction is not 0, and never all.
    """
    count = round(val_fraction * len(training))
    if val_fraction > 0:
        count = min(max(count, 1), len(training) - 1)
    chosen = set(ranked(training, "val")[:count]) if val is None else set(val) & set(training)
    return {"train": sorted(set(training) - chosen), "val": sorted(chosen), "test": sorted(testing)}


def use_fold(folder: Path, fold: str, num_classes: int) -> None:
    """Make a fold of a layout's training frames, 1/4 for the first of four, its test frames in place of those it had.

    So nothing is chosen by the frames that are to be tested on in the end. Raises UserError where there are fewer
    training frames than folds.
    """
    number, count = map(int, fold.split("/"))
    labels = sorted((folder / "training" / "label").iterdir())
    if len(labels) < count:
        raise UserError(f"data.fold: {fold}, but there are {len(labels)} training frames; lower {count}")
    pixels = np.stack([np.bincount(read_label(path).ravel(), minlength=256)[:num_classes] for path in labels])
    tested = {path.stem for path, of in zip(labels, assign_folds(pixels, count), strict=True) if of == number - 1}
    for kind in ("image", "label"):
        shutil.rmtree(folder / "testing" / kind)
        (folder / "testing" / kind).mkdir()
        for path in list((folder / "training" / kind).iterdir()):
            if path.stem in tested:
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
