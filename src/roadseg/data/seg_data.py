"""The seg_data layout: {training,testing}/{image,label}, image and label under one stem, labels of class ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from roadseg.data.archives import open_tree
from roadseg.data.class_rows import TRAIN_ID_RULE, LabelRule
from roadseg.data.copying import Copied, copy_pairs
from roadseg.data.label_rules import painted_classes, values_of
from roadseg.data.laid_out import find_frames
from roadseg.data.whole_set import check_whole_set
from roadseg.frames.classes import CITYSCAPES, ClassSet, write_classes
from roadseg.frames.headers import png_size
from roadseg.pipeline.errors import UserError, printable, raise_all

PARTS = ("training", "testing")


def make_layout(folder: Path, classes: ClassSet = CITYSCAPES) -> None:
    """Make the folders of the layout, empty, and its two text files."""
    for part in PARTS:
        for kind in ("image", "label"):
            (folder / part / kind).mkdir(parents=True)
    write_classes(folder, classes)


@dataclass(frozen=True)
class Imported:
    """What is known of frames that were written as a whole.

    `notes` has a line for each thing that a user should know; `held_out` are the stems of the validation frames that
    came with them, None where there were none.
    """

    notes: list[str]
    held_out: frozenset[str] | None = None


def import_frames(source: Path, folder: Path, allow_leak: bool = False, rule: LabelRule = TRAIN_ID_RULE) -> Imported:
    """Check a folder or archive in any known layout and write its frames into the empty layout `folder`.

    Labels become class ids by the rule, whose names and colours are written beside them. Raises UserError, a line per
    problem, if any frame is not right.
    """
    with open_tree(source) as tree:
        found = find_frames(tree)
        copied, problems = copy_pairs(tree, found.pairs, values_of(rule), folder)
        raise_all(found.problems + problems)
        write_classes(folder, painted_classes(rule, tree, found.pairs))
    notes = check_whole_set(copied, printable(source), allow_leak, rule.classes.names)
    return Imported(found.notes + notes + _absent(copied, rule.classes.names), found.held_out)


def _absent(frames: Sequence[Copied], names: Sequence[str]) -> list[str]:
    """Name the classes that no training label holds: many of them are a sign of the wrong set of classes."""
    present = frozenset[int]().union(*(frame.values for frame in frames if frame.part == "training"))
    absent = [name for class_id, name in enumerate(names) if class_id not in present]
    return [f"no training label holds {', '.join(absent)}"] if absent else []


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
