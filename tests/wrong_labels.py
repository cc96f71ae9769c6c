"""Plant wrong labels: whole objects of a data set's label maps get the class of something else, by a fixed seed.

PYTHONPATH=src python tests/wrong_labels.py FOLDER     ten in the frames of a data/seg_data, where; names each of them
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from roadseg.frames.classes import NAMES
from roadseg.frames.images import read_label, write_image

OBJECTS = [NAMES.index(name) for name in ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")]
GROUND = [NAMES.index(name) for name in ("road", "sidewalk", "building", "vegetation", "terrain")]


@dataclass(frozen=True)
class Planted:
    """An object of a frame whose label is now wrong."""

    frame: int
    true: int
    label: int
    where: np.ndarray  # (H, W) bool


def plant(labels, seed, number=10, share=0.005):
    """Give that many objects, each at least that share of its frame and in a frame of its own, a class of the ground.

    `labels` is a list of (H, W) uint8, which are changed; what was planted is returned.
    """
    rng, found = np.random.default_rng(seed), []
    for frame in rng.permutation(len(labels)):
        objects = [one for k in OBJECTS for one in _objects(labels[frame], k, share)]
        if objects and len(found) < number:
            true, where = objects[rng.integers(len(objects))]
            found.append(Planted(int(frame), true, int(rng.choice(GROUND)), where))
            labels[frame][where] = found[-1].label
    return found


def _objects(label, class_id, share):
    count, numbers, stats, _ = cv2.connectedComponentsWithStats((label == class_id).astype(np.uint8), connectivity=4)
    return [(class_id, numbers == n) for n in range(1, count) if stats[n, cv2.CC_STAT_AREA] >= share * label.size]


def main():
    files = sorted(Path(sys.argv[1]).glob("*/label/*.png"))
    labels = [read_label(file) for file in files]
    for one in plant(labels, seed=int(sys.argv[2]) if sys.argv[2:] else 0):
        file, (rows, columns) = files[one.frame], np.nonzero(one.where)
        write_image(file, labels[one.frame])
        box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        print(f"{file.parts[-3]}/{file.stem},{NAMES[one.true]},{NAMES[one.label]},{','.join(map(str, box))}")


if __name__ == "__main__":
    main()
