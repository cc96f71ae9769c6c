"""Pair images with labels by name, check every pair, and write it in the seg_data layout."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from tqdm import tqdm

from roadseg.classes import IGNORE_INDEX
from roadseg.datasets.archives import Tree
from roadseg.datasets.image_checks import image_size, label_values
from roadseg.errors import UserError
from roadseg.images import write_image

_IMAGES = (".png", ".jpg", ".jpeg")
_SHOWN = 10  # problems that get a line each


@dataclass(frozen=True)
class Pair:
    """An image and its label: their names in the source, and the part of the layout they go to."""

    part: str
    stem: str
    image: str
    label: str


@dataclass(frozen=True)
class Values:
    """What the values in a label file mean."""

    train_ids: np.ndarray  # (256,) int16: the train id of each value, -1 where the value may not occur
    allowed: str  # the same in words, with the remedy


def top_folder(tree: Tree, inside: str) -> str:
    """Find what stands before `inside/` in the names: nothing, or the top folder that a zip was made with.

    Raises UserError where `inside` is missing or there twice.
    """
    tops = {name[:at] for name in tree.names if (at := f"/{name}".find(f"/{inside}/")) >= 0}
    if len(tops) != 1:
        found = f"is in it {len(tops)} times ({', '.join(sorted(tops))})" if tops else "is not in it or empty"
        raise UserError(f"{tree.where}: the folder {inside} {found}; name a folder or zip that has it once")
    return tops.pop()


def find_pairs(tree: Tree, part: str, images: str, labels: str) -> tuple[list[Pair], list[str]]:
    """Pair the files of two folders by stem; also return a line for each file that has no place in a pair."""
    image_of, problems = _by_stem(tree, images, _IMAGES)
    label_of, more = _by_stem(tree, labels, (".png",))
    problems += more
    alone = sorted(image_of.keys() - label_of.keys())
    problems += [f"{tree.show(image_of[stem])} has no label; add {labels}/{stem}.png" for stem in alone]
    alone = sorted(label_of.keys() - image_of.keys())
    problems += [f"{tree.show(label_of[stem])} has no image; add one to {images}" for stem in alone]
    stems = sorted(image_of.keys() & label_of.keys())
    return [Pair(part, stem, image_of[stem], label_of[stem]) for stem in stems], problems


def _by_stem(tree: Tree, folder: str, endings: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    problems = []
    for name in tree.names:
        file = PurePosixPath(name)
        if not file.is_relative_to(folder):
            continue
        if file.parent != PurePosixPath(folder):
            problems.append(f"{tree.show(name)} is in a sub-folder; move it up to {folder}, or away")
        elif file.suffix.lower() not in endings:
            problems.append(f"{tree.show(name)} does not end in {', '.join(endings)}; convert it or move it away")
        elif file.stem in found:
            problems.append(f"{tree.show(name)} has the same stem as {found[file.stem]}; keep one of them")
        else:
            found[file.stem] = name
    return found, problems


def copy_pairs(tree: Tree, pairs: list[Pair], values: Values, folder: Path) -> list[str]:
    """Check all pairs and write them under `folder`: images byte by byte, labels as grey PNGs of train ids.

    Returns a line for each pair that is not right; what was written is then of no use.
    """

    def copy(pair: Pair) -> str:
        try:
            image, label = _checked(tree, pair, values)
        except UserError as error:
            return str(error)
        ending = PurePosixPath(pair.image).suffix.lower()
        (folder / pair.part / "image" / f"{pair.stem}{ending}").write_bytes(image)
        write_image(folder / pair.part / "label" / f"{pair.stem}.png", label)
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = tqdm(pool.map(copy, pairs), "checking frames", total=len(pairs), disable=None)
        return [problem for problem in results if problem]


def _checked(tree: Tree, pair: Pair, values: Values) -> tuple[bytes, np.ndarray]:
    """Read one pair: the image's bytes and the (H, W) uint8 train ids; a UserError where anything is wrong."""
    image = tree.read(pair.image)
    size = image_size(image, tree.show(pair.image))
    name = tree.show(pair.label)
    label = label_values(tree.read(pair.label), name)
    if label.shape != size:
        height, width = label.shape
        raise UserError(f"{name} is {height}x{width}, but its image {size[0]}x{size[1]}; make them the same size")
    present = np.flatnonzero(np.bincount(label.ravel(), minlength=256))
    if unknown := [int(value) for value in present if values.train_ids[value] < 0]:
        raise UserError(f"{name} holds {', '.join(map(str, unknown[:5]))}; {values.allowed}")
    if np.all(values.train_ids[present] == IGNORE_INDEX):
        raise UserError(f"{name} has no pixel of any class; label it, or remove it and its image")
    return image, values.train_ids.astype(np.uint8)[label]


def refuse(problems: list[str]) -> None:
    """Raise one UserError for all problems, the first of them a line each."""
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise UserError("\n".join(problems[:_SHOWN] + more))
