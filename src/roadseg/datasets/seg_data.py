"""The seg_data layout: {training,testing}/{image,label}, image and label under one stem, labels of train ids."""

from pathlib import Path

import numpy as np
from PIL import Image

from roadseg.classes import IGNORE_INDEX, NAMES, NUM_CLASSES, PALETTE
from roadseg.datasets.archives import open_tree
from roadseg.datasets.pairs import Values, copy_pairs, find_pairs, refuse, top_folder
from roadseg.errors import UserError

PARTS = ("training", "testing")


def _train_id_values() -> Values:
    table = np.full(256, -1, dtype=np.int16)
    table[:NUM_CLASSES] = np.arange(NUM_CLASSES)
    table[IGNORE_INDEX] = IGNORE_INDEX
    allowed = f"save train ids: 0..{NUM_CLASSES - 1}, and {IGNORE_INDEX} for pixels without a class"
    return Values(table, allowed)


def make_layout(folder: Path) -> None:
    """Make the folders of the layout, empty, and its two text files."""
    for part in PARTS:
        for kind in ("image", "label"):
            (folder / part / kind).mkdir(parents=True)
    (folder / "colors.txt").write_text("".join(f"{r} {g} {b}\n" for r, g, b in PALETTE))
    (folder / "names.txt").write_text("".join(f"{name}\n" for name in NAMES))


def import_frames(source: Path, folder: Path) -> None:
    """Check a folder or zip in the layout and copy its frames into the empty layout `folder`.

    Raises UserError, a line per problem, if any frame is not right.
    """
    with open_tree(source) as tree:
        top = top_folder(tree, "training/image")
        pairs, problems = [], []
        for part in PARTS:
            found, unpaired = find_pairs(tree, part, f"{top}{part}/image", f"{top}{part}/label")
            pairs += found
            problems += unpaired
        refuse(problems + copy_pairs(tree, pairs, _train_id_values(), folder))


def stems(folder: Path, part: str) -> list[str]:
    """Return the names of a part's frames, in order; UserError where there is none."""
    names = sorted(file.stem for file in (folder / part / "label").iterdir())
    if not names:
        raise UserError(f"there is no frame for {part}; add at least one for training and one for testing")
    return names


def sizes(folder: Path) -> list[tuple[int, int]]:
    """Return the different (height, width) of all frames, smallest first; read from the headers alone."""
    found = set()
    for file in folder.glob("*/label/*.png"):
        with Image.open(file) as label:
            found.add((label.height, label.width))
    return sorted(found)
