"""Cityscapes with its fine labels, as unpacked: leftImg8bit/{train,val}/CITY, gtFine/{train,val}/CITY.

The train frames are for training and the val frames for testing. The ground truth of the test frames is not
public: they are left out.
"""

import unicodedata
from pathlib import PurePosixPath

from roadseg.data.archives import Tree
from roadseg.data.labels import label_id_values
from roadseg.data.pairs import Found, Pair, top_folder
from roadseg.pipeline.errors import printable

_PARTS = {"train": "training", "val": "testing"}
_IMAGE, _LABEL = "_leftImg8bit.png", "_gtFine_labelIds.png"
_VALUES = label_id_values("Cityscapes", f"take the files *{_LABEL} of the official archive")


def find_frames(tree: Tree) -> Found:
    """Find the train and val frames; UserError where the tree lacks one of their folders."""
    splits = [_find_pairs(tree, split, part) for split, part in _PARTS.items()]
    has_test = any("/leftImg8bit/test/" in f"/{name}" for name in tree.names)
    return Found(
        [pair for pairs, _ in splits for pair in pairs],
        _VALUES,
        [line for _, lines in splits for line in lines],
        ["the frames in leftImg8bit/test are left out: their ground truth is not public"] if has_test else [],
    )


def _find_pairs(tree: Tree, split: str, part: str) -> tuple[list[Pair], list[str]]:
    """Pair the files of a split by city and frame; also return a line for each without a partner."""
    images, labels = f"leftImg8bit/{split}", f"gtFine/{split}"
    image_of = _by_frame(tree, f"{top_folder(tree, images)}{images}", _IMAGE)
    label_of = _by_frame(tree, f"{top_folder(tree, labels)}{labels}", _LABEL)
    alone = sorted(image_of.keys() - label_of.keys())
    problems = [f"{tree.show(image_of[f])} has no label; add {printable(f'{labels}/{f}{_LABEL}')}" for f in alone]
    alone = sorted(label_of.keys() - image_of.keys())
    problems += [f"{tree.show(label_of[f])} has no image; add {printable(f'{images}/{f}{_IMAGE}')}" for f in alone]
    stems: dict[str, str] = {}
    for frame in sorted(image_of.keys() & label_of.keys()):
        if (other := stems.setdefault(stem := PurePosixPath(frame).name, frame)) != frame:
            problems.append(f"{tree.show(image_of[frame])} is also in {printable(other)}; keep one of them ({stem})")
    return [Pair(part, stem, image_of[frame], label_of[frame]) for stem, frame in stems.items()], problems


def _by_frame(tree: Tree, folder: str, ending: str) -> dict[str, str]:
    """Return the names of files at CITY/FRAME with this ending by CITY/FRAME; the others are not used."""
    names = [name for name in tree.names if name.startswith(f"{folder}/") and name.endswith(ending)]
    return {unicodedata.normalize("NFC", name[len(folder) + 1 : -len(ending)]): name for name in names}
