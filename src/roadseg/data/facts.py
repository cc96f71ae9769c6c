"""What is to be said of a data set: classes by split, sizes, and frames that are there twice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from roadseg.data.contents import Content
from roadseg.data.fingerprints import near_pictures, same_pictures

Split = tuple[Sequence[str], Sequence[Content]]  # the names of its frames, and what they hold


def class_rows(splits: Mapping[str, Split], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each class: its share of each split's labelled pixels, and the frames that it occurs in."""
    counts = {
        split: np.stack([one.pixels[: len(names)] for one in contents]) for split, (_, contents) in splits.items()
    }
    totals = {split: max(int(of_frames.sum()), 1) for split, of_frames in counts.items()}
    return [
        {
            "class": name,
            "shares": [float(counts[split][:, k].sum() / totals[split]) for split in splits],
            "frames": [int((counts[split][:, k] > 0).sum()) for split in splits],
        }
        for k, name in enumerate(names)
    ]


def split_rows(splits: Mapping[str, Split], num_classes: int) -> list[dict[str, Any]]:
    """Return a row for each split: its frames, and the share of their pixels that has a label."""
    rows = []
    for split, (_, contents) in splits.items():
        pixels = np.sum([one.pixels for one in contents], axis=0)
        rows.append(
            {"split": split, "frames": len(contents), "labelled": float(pixels[:num_classes].sum() / pixels.sum())}
        )
    return rows


def size_rows(splits: Mapping[str, Split]) -> list[dict[str, Any]]:
    """Return a row for each size of frames, the most frequent first."""
    sizes = Counter(one.size for _, contents in splits.values() for one in contents)
    return [{"size": f"{height}x{width}", "frames": count} for (height, width), count in sizes.most_common()]


def twins(splits: Mapping[str, Split]) -> list[dict[str, str]]:
    """Return a row for each frame that looks like one it must not look like: both names, and how alike.

    A test frame must look like none of another split, and one that is held out to choose the epoch (`val`) like none
    that is trained on.
    """
    return [
        row
        for tested, apart in (("test", {"test"}), ("val", {"test", "val"}))
        if tested in splits
        for row in _alike(splits[tested], [split for name, split in splits.items() if name not in apart])
    ]


def _alike(tested: Split, others: Sequence[Split]) -> list[dict[str, str]]:
    names, contents = tested
    pairs_of_others = [pair for stems, found in others for pair in zip(stems, found, strict=True)]
    prints = [one.known_by for one in contents], [one.known_by for _, one in pairs_of_others]
    same = same_pictures(*prints)
    seen = {i for i, _ in same}
    near = [(i, k) for i, k in near_pictures(*prints) if i not in seen]
    return [
        {"tested": names[i], "other": pairs_of_others[k][0], "alike": how}
        for pairs, how in ((same, "the same"), (near, "nearly the same"))
        for i, k in pairs
    ]
