"""Cityscapes with its fine labels, as unpacked: leftImg8bit/{train,val}/CITY, gtFine/{train,val}/CITY.

The train frames are for training and the val frames for testing. The truth of the test frames is not public: they are
left out.
"""

import unicodedata
from pathlib import Path, PurePosixPath

from roadseg.data.archives import Tree, open_tree
from roadseg.data.copying import copy_pairs
from roadseg.data.label_ids import label_id_values
from roadseg.data.pairs import Pair, top_folder
from roadseg.data.whole_set import check_whole_set
from roadseg.pipeline.errors import printable, raise_all

_PARTS = {"train": "training", "val": "testing"}
_IMAGE, _LABEL = "_leftImg8bit.png", "_gtFine_labelIds.png"
_VALUES = label_id_values("Cityscapes", f"take the files *{_LABEL} of the official archive")


def import_frames(source: Path, folder: Path, allow_leak: bool = False) -> list[str]:
    """Check the train and val frames and write them into the empty layout `folder`.

    Returns a line for each thing that a user should know of the frames as a whole. Raises UserError, a line per
    problem, if any frame is not right.
    """
    with open_tree(source) as tree:
        found = [_find_pairs(tree, split, part) for split, part in _PARTS.items()]
        raise_all([line for _, lines in found for line in lines])
        copied, problems = copy_pairs(tree, [pair for pairs, _ in found for pair in pairs], _VALUES, folder)
        has_test = any("/leftImg8bit/test/" in f"/{name}" for name in tree.names)
    raise_all(problems)
    left_out = ["the frames in leftImg8bit/test are left out: their truth is not public"] if has_test else []
    return left_out + check_whole_set(copied, printable(source), allow_leak)


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
