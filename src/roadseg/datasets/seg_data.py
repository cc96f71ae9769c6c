"""The seg_data layout: {training,testing}/{image,label}, image and label under one stem, labels of train ids."""

from pathlib import Path

from roadseg.classes import CITYSCAPES, ClassSet, write_classes
from roadseg.datasets.archives import open_tree
from roadseg.datasets.copying import copy_pairs
from roadseg.datasets.pairs import find_pairs, top_folder
from roadseg.datasets.whole_set import check_whole_set
from roadseg.errors import UserError, printable, raise_all
from roadseg.inputs.headers import png_size
from roadseg.inputs.labels import TRAIN_IDS

PARTS = ("training", "testing")


def make_layout(folder: Path, classes: ClassSet = CITYSCAPES) -> None:
    """Make the folders of the layout, empty, and its two text files."""
    for part in PARTS:
        for kind in ("image", "label"):
            (folder / part / kind).mkdir(parents=True)
    write_classes(folder, classes)


def import_frames(source: Path, folder: Path, allow_leak: bool = False) -> list[str]:
    """Check a folder or archive in the layout and copy its frames into the empty layout `folder`.

    Returns a line for each thing that a user should know of the frames as a whole. Raises UserError, a line per
    problem, if any frame is not right.
    """
    with open_tree(source) as tree:
        top = top_folder(tree, "training/image")
        pairs, problems = [], []
        for part in PARTS:
            found, unpaired = find_pairs(tree, part, f"{top}{part}/image", f"{top}{part}/label")
            pairs += found
            problems += unpaired
        copied, more = copy_pairs(tree, pairs, TRAIN_IDS, folder)
    raise_all(problems + more)
    return check_whole_set(copied, printable(source), allow_leak)


def stems(folder: Path, part: str) -> list[str]:
    """Return the names of a part's frames, in order; UserError where there is none."""
    names = sorted(file.stem for file in (folder / part / "label").iterdir())
    if not names:
        raise UserError(f"there is no frame for {part}; add at least one for training and one for testing")
    return names


def sizes(folder: Path) -> list[tuple[int, int]]:
    """Return the different (height, width) of all frames, smallest first; read from the headers alone."""
    found = set()
    for path in folder.glob("*/label/*.png"):
        with path.open("rb") as file:
            found.add(png_size(file.read(24)))
    return sorted(found)
