"""Frames without labels, in the layout of further data: each label says 255 everywhere, so only a teacher is heard."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import numpy as np

from roadseg.data.archives import Tree, open_tree
from roadseg.data.image_checks import checked_image
from roadseg.data.pairs import IMAGES, by_stem, top_folder
from roadseg.frames.classes import IGNORE_INDEX
from roadseg.frames.headers import read_header
from roadseg.frames.images import write_image
from roadseg.pipeline.errors import UserError, printable, raise_all


def import_images(source: Path, folder: Path, part: str, inside: str = "") -> None:
    """Check the images of a folder or archive and copy them into `part` of the layout `folder`.

    `inside` names the folder to take in it; "" takes all files, which must be in one folder. Raises UserError, a line
    per problem.
    """
    with open_tree(source) as tree:
        image_of, problems = by_stem(tree, _folder_of_images(tree, inside), IMAGES)

        def copy(stem: str) -> str:
            try:
                _copy(tree, image_of[stem], folder / part, stem)
            except UserError as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            problems += [line for line in pool.map(copy, sorted(image_of)) if line]
    raise_all(problems)


def _folder_of_images(tree: Tree, inside: str) -> str:
    if inside:
        return f"{top_folder(tree, inside)}{inside}"
    folders = sorted({str(PurePosixPath(name).parent) for name in tree.names})
    if len(folders) != 1:
        several = f"its images lie in {len(folders)} folders ({', '.join(folders[:3])})"
        found = several if folders else "no file is in it"
        raise UserError(printable(f"{tree.where}: {found}; name a folder or archive with all images in one folder"))
    return folders[0]


def _copy(tree: Tree, image: str, folder: Path, stem: str) -> None:
    content, name = tree.read(image), tree.show(image)
    picture = read_header(content, name)
    checked_image(picture, name)
    ending = PurePosixPath(image).suffix.lower()
    (folder / "image" / f"{stem}{ending}").write_bytes(content)
    label = np.full((picture.height, picture.width), IGNORE_INDEX, dtype=np.uint8)
    write_image(folder / "label" / f"{stem}.png", label)
