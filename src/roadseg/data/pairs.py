"""Pair images with labels by name: what a source finds in a folder or archive."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from roadseg.data.archives import Tree
from roadseg.data.labels import Colors
from roadseg.frames.classes import CITYSCAPES, ClassSet
from roadseg.frames.images import Values
from roadseg.pipeline.errors import UserError, printable

Suffixes = tuple[str, str]  # what the names of an image and of its label have behind what they have in common

SUFFIXES: tuple[Suffixes, ...] = (
    ("", ""),
    ("_leftImg8bit", "_gtFine_labelIds"),
    ("_leftImg8bit", "_gtFine_labelTrainIds"),
    ("_leftImg8bit", "_gtFine_color"),
    *(("", suffix) for suffix in ("_L", "_mask", "_label", "_gt")),
)
# what may lie beside the labels that are used
_PASSED_OVER = ("_gtFine_labelIds", "_gtFine_labelTrainIds", "_gtFine_color", "_gtFine_instanceIds")
_IMAGES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Pair:
    """An image and its label: their names in the source, and the part of the seg_data layout they go to."""

    part: str
    stem: str
    image: str
    label: str


@dataclass(frozen=True)
class Found:
    """The pairs that a source holds, and what their labels mean.

    `problems` has a line for each file that has no place in a pair, `notes` one for each thing that a user should know;
    `val` are the stems of the source's own validation frames, which lie among those for training, if it has any.
    """

    pairs: list[Pair]
    values: Values | Colors
    problems: list[str]
    notes: list[str] = field(default_factory=list)
    val: frozenset[str] | None = None
    classes: ClassSet = CITYSCAPES


def top_folder(tree: Tree, inside: str) -> str:
    """Find what stands before `inside/` in the names: nothing, or the top folder that a zip was made with.

    Raises UserError where `inside` is missing or there twice.
    """
    tops = {name[:at] for name in tree.names if (at := f"/{name}".find(f"/{inside}/")) >= 0}
    if len(tops) != 1:
        found = f"is in it {len(tops)} times ({', '.join(sorted(tops))})" if tops else "is not in it or empty"
        message = f"{tree.where}: the folder {inside} {found}; name a folder or zip that has it once"
        raise UserError(printable(message))
    return tops.pop()


def suffixes_of(images: Collection[str], labels: Collection[str]) -> Suffixes:
    """Return the suffixes by which most of the stems of images and labels pair; of equals the first of the table.

    >>> suffixes_of(["a", "b", "c_L"], ["a_L", "b_L", "c_L"])
    ('', '_L')
    """

    def without(stems: Collection[str], suffix: str) -> set[str]:
        return {stem.removesuffix(suffix) for stem in stems if stem.endswith(suffix)}

    return max(SUFFIXES, key=lambda suffixes: len(without(images, suffixes[0]) & without(labels, suffixes[1])))


def find_pairs(
    tree: Tree, part: str, images: str, labels: str, suffixes: Suffixes = ("", "")
) -> tuple[list[Pair], list[str]]:
    """Pair the files of two folders by stem; also return a line for each file that has no place in a pair."""
    image_of, label_of, problems = files_by_stem(tree, images, labels, suffixes)
    for stem in sorted(image_of.keys() - label_of.keys()):
        label = printable(f"{labels}/{stem}{suffixes[1]}.png")
        problems.append(f"{tree.show(image_of[stem])} has no label; add {label}")
    for stem in sorted(label_of.keys() - image_of.keys()):
        problems.append(f"{tree.show(label_of[stem])} has no image; add one to {images}")
    stems = sorted(image_of.keys() & label_of.keys())
    return [Pair(part, stem, image_of[stem], label_of[stem]) for stem in stems], problems


def files_by_stem(
    tree: Tree, images: str, labels: str, suffixes: Suffixes
) -> tuple[dict[str, str], dict[str, str], list[str]]:
    """Return the images and the labels of two folders by their stems, and a line for each file with no place there."""
    image_of, problems = _by_stem(tree, images, _IMAGES, suffixes[0])
    label_of, more = _by_stem(tree, labels, (".png",), suffixes[1])
    return image_of, label_of, problems + more


def stems_in(tree: Tree, folder: str) -> list[str]:
    """Return the stems of the files in a folder of the tree, not below it."""
    names = map(PurePosixPath, tree.names)
    return [unicodedata.normalize("NFC", name.stem) for name in names if name.parent == PurePosixPath(folder)]


def _by_stem(tree: Tree, folder: str, endings: tuple[str, ...], suffix: str) -> tuple[dict[str, str], list[str]]:
    """Return the names in a folder by their stems, and a line for each that has no place there.

    The stems are without the suffix; files with another known one, which may lie beside them, are passed over.
    Stems are in Unicode's composed form (NFC): macOS writes an accent as a letter of its own, others don't.
    """
    found: dict[str, str] = {}
    problems = []
    for name in tree.names:
        file = PurePosixPath(name)
        if not file.is_relative_to(folder):
            continue
        stem = unicodedata.normalize("NFC", file.stem)
        if file.parent != PurePosixPath(folder):
            problems.append(f"{tree.show(name)} is in a sub-folder; move it up to {folder}, or away")
        elif name.endswith("/"):
            problems.append(f"{tree.show(name)} can't be entered, or is a link back to a folder above it; remove it")
        elif file.suffix.lower() not in endings:
            problems.append(f"{tree.show(name)} does not end in {', '.join(endings)}; convert it or move it away")
        elif not _is_unicode(stem):
            problems.append(f"{tree.show(name)} has a name that is not in UTF-8; rename it, and its partner")
        elif not stem.endswith(suffix):
            if not stem.endswith(_PASSED_OVER):
                problems.append(f"{tree.show(name)} does not end in {suffix}{file.suffix}, as the others do; rename it")
        elif (stem := stem.removesuffix(suffix)) in found:
            problems.append(f"{tree.show(name)} has the same stem as {printable(found[stem])}; keep one of them")
        else:
            found[stem] = name
    return found, problems


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no text stand in it as surrogates
        return False
    return True
