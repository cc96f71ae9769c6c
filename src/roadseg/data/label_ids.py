"""What the values in labels of Cityscapes label ids mean, in which KITTI's labels are written, too."""

import numpy as np

from roadseg.frames.classes import IGNORE_INDEX, TRAIN_ID_OF_LABEL_ID
from roadseg.frames.images import Values

_LAST_LABEL_ID = 33


def label_id_values(source: str, remedy: str) -> Values:
    """Return the meaning of label ids: 0..33, and 255 for -1, the licence plate, in 8 bits."""
    table = np.full(256, -1, dtype=np.int16)
    table[: _LAST_LABEL_ID + 1] = TRAIN_ID_OF_LABEL_ID[: _LAST_LABEL_ID + 1]
    table[255] = IGNORE_INDEX
    return Values(table, f"a {source} label holds ids 0..{_LAST_LABEL_ID} or 255: {remedy}")
