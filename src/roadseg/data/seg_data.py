"""The seg_data layout: {training,testing}/{image,label}, image and label under one stem, labels of class ids.

Frames are checked before any is kept: each pair for itself, and all together.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock

import numpy as np
from tqdm import tqdm

from roadseg.data.archives import Tree, open_tree
from roadseg.data.labels import Colors, class_ids_of, values_in
from roadseg.data.pairs import Found, Pair
from roadseg.data.survey import Fingerprint, fingerprint, same_and_near
from roadseg.frames.classes import CITYSCAPES, IGNORE_INDEX, NAMES, ClassSet, write_classes
from roadseg.frames.headers import Picture, png_size, read_header
from roadseg.frames.images import Values, check_no_masks, decode_image, write_image
from roadseg.pipeline.errors import UserError, printable, raise_all

PARTS = ("training", "testing")
_LARGE = 2**26  # pixels: larger pictures are decoded one at a time, so that memory is enough for the threads
_SHOWN = 3  # pairs that a note names
_one_large = Lock()


@dataclass(frozen=True)
class Imported:
    """What is known of frames that were written as a whole.

    `notes` has a line for each thing that a user should know; `val` are the stems of the validation frames that came
    with them, None where there were none.
    """

    notes: list[str]
    val: frozenset[str] | None = None


@dataclass(frozen=True)
class Copied:
    """What is known of a pair that was written."""

    part: str
    image: str  # its full name in the source
    values: frozenset[int]  # class ids in the label, 255 included
    known_by: Fingerprint


def make_layout(folder: Path, classes: ClassSet = CITYSCAPES) -> None:
    """Make the folders of the layout, empty, and its two text files."""
    for part in PARTS:
        for kind in ("image", "label"):
            (folder / part / kind).mkdir(parents=True)
    write_classes(folder, classes)


def import_frames(source: Path, folder: Path, find: Callable[[Tree], Found], allow_leak: bool = False) -> Imported:
    """Check what `find` finds in a folder or archive and write it into the empty layout `folder`.

    Raises UserError, a line per problem, if any frame is not right.
    """
    with open_tree(source) as tree:
        found = find(tree)
        copied, problems = copy_pairs(tree, found.pairs, found.values, folder)
    raise_all(found.problems + problems)
    write_classes(folder, found.classes)
    return Imported(found.notes + check_all(copied, printable(source), allow_leak, found.classes.names), found.val)


def copy_pairs(tree: Tree, pairs: list[Pair], values: Values | Colors, folder: Path) -> tuple[list[Copied], list[str]]:
    """Check all pairs and write them under `folder`: images byte by byte, labels as grey PNGs of class ids.

    Returns what was written, and a line for each pair that is not right; all of it is then of no use.
    """

    def copy(pair: Pair) -> Copied | str:
        try:
            return _copy(tree, pair, values, folder)
        except UserError as error:
            return str(error)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(tqdm(pool.map(copy, pairs), "checking frames", total=len(pairs), disable=None))
    problems = [result for result in results if isinstance(result, str)]
    return [result for result in results if isinstance(result, Copied)], problems


def _copy(tree: Tree, pair: Pair, values: Values | Colors, folder: Path) -> Copied:
    name = tree.show(pair.image)
    content = tree.read(pair.image)
    picture = read_header(content, name)
    size = picture.height, picture.width
    with _one_large if size[0] * size[1] > _LARGE else nullcontext():
        known_by = fingerprint(checked_image(picture, name))
        class_ids = class_ids_of(tree.read(pair.label), tree.show(pair.label), values, size)
        present = frozenset(values_in(class_ids))
        if present == {IGNORE_INDEX}:
            raise UserError(f"{tree.show(pair.label)} has no pixel of any class; label it, or remove it and its image")
        write_image(folder / pair.part / "label" / f"{pair.stem}.png", class_ids)
    ending = PurePosixPath(pair.image).suffix.lower()
    (folder / pair.part / "image" / f"{pair.stem}{ending}").write_bytes(content)
    return Copied(pair.part, name, present, known_by)


def checked_image(picture: Picture, name: str) -> np.ndarray:
    """Return an image as (H, W, 3) uint8 RGB; UserError where other readers would see something else in it."""
    if picture.kind == "PNG" and picture.bits == 16:
        raise UserError(f"{name} has 16 bits a channel; save it with 8")
    if picture.turned:
        # some readers turn it and others don't: whether the label fits must not depend on the reader
        raise UserError(f"{name} is to be turned when shown (its EXIF data says so); save it upright")
    return decode_image(picture, name)


def check_all(frames: Sequence[Copied], where: str, allow_leak: bool, names: Sequence[str] = NAMES) -> list[str]:
    """Return a line for each thing that a user should know of the frames as a whole.

    Raises UserError where all training labels are masks, and, unless `allow_leak`, where a picture for training is also
    there for testing, pixel for pixel.
    """
    training, testing = ([frame for frame in frames if frame.part == part] for part in PARTS)
    values = frozenset[int]().union(*(frame.values for frame in training))
    check_no_masks(values, f"{where}/training", names)
    notes = []
    if values == {0, 1} and len(names) != 2:
        notes.append(f"all training labels hold 0 and 1 alone: to this project 0 is {names[0]} and 1 is {names[1]}")
    notes += _leaks(training, testing, allow_leak)
    if absent := [name for class_id, name in enumerate(names) if class_id not in values]:
        notes.append(f"no training label holds {', '.join(absent)}")  # many of them: the wrong set of classes
    return notes


def _leaks(training: Sequence[Copied], testing: Sequence[Copied], allow_leak: bool) -> list[str]:
    same, near = same_and_near([frame.known_by for frame in testing], [frame.known_by for frame in training])
    if not allow_leak:
        raise_all(
            [
                f"{testing[i].image} is the same picture as {training[k].image}; a frame that is trained on can't be "
                "tested on: remove one of them, or set data.allow_leak to true"
                for i, k in same
            ]
        )
    notes = []
    for pairs, what in ((same, "trained on as well"), (near, "nearly the same as one for training")):
        if pairs:
            number = "1 frame for testing is" if len(pairs) == 1 else f"{len(pairs)} frames for testing are"
            shown = [f"{testing[i].image} and {training[k].image}" for i, k in pairs[:_SHOWN]]
            notes.append(f"{number} {what}: {', '.join(shown)}" + (", ..." if len(pairs) > _SHOWN else ""))
    return notes


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
