"""The 19 Cityscapes classes in train-id order, their colours, and the way from label ids to train ids."""

import numpy as np

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


def colorize(train_ids: np.ndarray) -> np.ndarray:
    """Paint a map of train ids, (H, W) uint8, in the palette: (H, W, 3) uint8 RGB; all other values are black."""
    table = np.zeros((256, 3), dtype=np.uint8)
    table[:NUM_CLASSES] = PALETTE
    return np.take(table, train_ids, axis=0)  # three times faster than table[train_ids]
