"""Sets of classes: the 19 of Cityscapes in train-id order, and any other, which the data itself carries.

names.txt and colors.txt beside the frames say which set their labels are of; a line is a class, the first one class 0.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from roadseg.pipeline.errors import UserError, printable

IGNORE_INDEX = 255  # a pixel without a class: neither trained on nor scored

# (name, Cityscapes label id, R, G, B); the row number is the train id
_CLASSES = (
    ("road", 7, 128, 64, 128),
    ("sidewalk", 8, 244, 35, 232),
    ("building", 11, 70, 70, 70),
    ("wall", 12, 102, 102, 156),
    ("fence", 13, 190, 153, 153),
    ("pole", 17, 153, 153, 153),
    ("traffic light", 19, 250, 170, 30),
    ("traffic sign", 20, 220, 220, 0),
    ("vegetation", 21, 107, 142, 35),
    ("terrain", 22, 152, 251, 152),
    ("sky", 23, 70, 130, 180),
    ("person", 24, 220, 20, 60),
    ("rider", 25, 255, 0, 0),
    ("car", 26, 0, 0, 142),
    ("truck", 27, 0, 0, 70),
    ("bus", 28, 0, 60, 100),
    ("train", 31, 0, 80, 100),
    ("motorcycle", 32, 0, 0, 230),
    ("bicycle", 33, 119, 11, 32),
)

NAMES = tuple(row[0] for row in _CLASSES)
NUM_CLASSES = len(_CLASSES)
PALETTE = np.array([row[2:] for row in _CLASSES], dtype=np.uint8)  # (19, 3), RGB

TRAIN_ID_OF_LABEL_ID = np.full(256, IGNORE_INDEX, dtype=np.uint8)  # a look-up table: train_ids = table[label_ids]
for _train_id, _row in enumerate(_CLASSES):
    TRAIN_ID_OF_LABEL_ID[_row[1]] = _train_id


@dataclass(frozen=True)
class ClassSet:
    """Classes 0..K-1: the name of each, and its colour (R, G, B) in pictures of class maps."""

    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]

    @property
    def palette(self) -> np.ndarray:
        """The colours, (K, 3) uint8 RGB."""
        return np.array(self.colors, dtype=np.uint8).reshape(-1, 3)

    def __len__(self) -> int:
        return len(self.names)


CITYSCAPES = ClassSet(NAMES, tuple((row[2], row[3], row[4]) for row in _CLASSES))


def write_classes(folder: Path, classes: ClassSet) -> None:
    """Write names.txt and colors.txt into a folder."""
    (folder / "colors.txt").write_text("".join(f"{r} {g} {b}\n" for r, g, b in classes.colors))
    (folder / "names.txt").write_text("".join(f"{name}\n" for name in classes.names), encoding="utf-8")


def read_classes(folder: Path) -> ClassSet:
    """Read a folder's names.txt and colors.txt; a folder that has no names.txt holds Cityscapes classes.

    Raises UserError where they don't belong together.
    """
    if not (folder / "names.txt").exists():
        return CITYSCAPES
    names = (folder / "names.txt").read_text(encoding="utf-8").split("\n")[:-1]
    try:
        rows = [line.split() for line in (folder / "colors.txt").read_text().split("\n")[:-1]]
        colors = tuple((int(r), int(g), int(b)) for r, g, b in rows)
    except (OSError, ValueError):
        colors = ()
    if not names or len(names) != len(colors):
        raise UserError(f"{printable(folder)}: names.txt and colors.txt don't fit; run `dvc repro fetch_data`")
    return ClassSet(tuple(names), colors)


def colorize(class_ids: np.ndarray, classes: ClassSet = CITYSCAPES) -> np.ndarray:
    """Paint a map of class ids, (H, W) uint8, in their colours: (H, W, 3) uint8 RGB; all other values are black."""
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: len(classes)] = classes.palette
    return np.take(table, class_ids, axis=0)  # three times faster than table[class_ids]
