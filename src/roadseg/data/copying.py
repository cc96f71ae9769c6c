"""Check every pair of image and label, and write it in the seg_data layout."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Lock

import cv2
import numpy as np
from tqdm import tqdm

from roadseg.data.archives import Tree
from roadseg.data.colors import Colors, ids_of_colors
from roadseg.data.fingerprints import Fingerprint, fingerprint
from roadseg.data.image_checks import checked_image
from roadseg.data.pairs import Pair
from roadseg.frames.classes import IGNORE_INDEX
from roadseg.frames.headers import Picture, read_header
from roadseg.frames.images import Values, check_values, decode_indices, decode_label, write_image
from roadseg.pipeline.errors import UserError

_LARGE = 2**26  # pixels: larger pictures are decoded one at a time, so that memory is enough for the threads
_one_large = Lock()


@dataclass(frozen=True)
class Copied:
    """What is known of a pair that was written."""

    part: str
    image: str  # its full name in the source
    values: frozenset[int]  # class ids in the label, 255 included
    fingerprint: Fingerprint


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
        class_ids, present = _class_ids(tree, pair, values, size)
        write_image(folder / pair.part / "label" / f"{pair.stem}.png", class_ids)
    ending = PurePosixPath(pair.image).suffix.lower()
    (folder / pair.part / "image" / f"{pair.stem}{ending}").write_bytes(content)
    return Copied(pair.part, name, present, known_by)


def _class_ids(
    tree: Tree, pair: Pair, values: Values | Colors, size: tuple[int, int]
) -> tuple[np.ndarray, frozenset[int]]:
    """Return a label as (H, W) uint8 class ids, and which occur; a UserError where anything is wrong with it."""
    name = tree.show(pair.label)
    picture = read_header(tree.read(pair.label), name)
    if (picture.height, picture.width) != size and picture.kind == "PNG":
        height, width = picture.height, picture.width
        raise UserError(f"{name} is {height}x{width}, but its image {size[0]}x{size[1]}; make them the same size")
    if isinstance(values, Colors):
        class_ids = ids_of_colors(picture, values, name)
    else:
        class_ids = _ids_of_values(picture, values, name)
    present = frozenset(_values_in(class_ids))
    if present == {IGNORE_INDEX}:
        raise UserError(f"{name} has no pixel of any class; label it, or remove it and its image")
    return class_ids, present


def _ids_of_values(picture: Picture, values: Values, name: str) -> np.ndarray:
    label = decode_indices(picture, name) if values.indices else decode_label(picture, name, values.hint)
    check_values(_values_in(label), values, name)
    return cv2.LUT(label, values.train_ids.astype(np.uint8))


def _values_in(label: np.ndarray) -> list[int]:
    return [int(value) for value in np.flatnonzero(cv2.calcHist([label], [0], None, [256], [0, 256]))]
