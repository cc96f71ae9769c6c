"""Which frames are held out: fixed by their names alone, whatever the seed, the order or the other frames.

Frames are ranked by the SHA-256 of a word and their stem ("val/000012_10"), and the lowest are taken.
Validation: round(fraction * frames) of the training frames, at least one where the fraction is not 0, and never all.
"""

import hashlib
from collections.abc import Collection


def ranked(stems: Collection[str], word: str) -> list[str]:
    """Sort stems by the SHA-256 of the word and the stem."""
    return sorted(stems, key=lambda stem: hashlib.sha256(f"{word}/{stem}".encode()).digest())


def make_splits(
    training: Collection[str], testing: Collection[str], val_fraction: float, held_out: Collection[str] | None = None
) -> dict[str, list[str]]:
    """Return the names of the train, val and test frames, each in order; val frames lie in the training folder.

    Given `held_out`, the val frames are those of them that lie there.
    """
    count = round(val_fraction * len(training))
    if val_fraction > 0:
        count = min(max(count, 1), len(training) - 1)
    val = set(ranked(training, "val")[:count]) if held_out is None else set(held_out) & set(training)
    return {"train": sorted(set(training) - val), "val": sorted(val), "test": sorted(testing)}
