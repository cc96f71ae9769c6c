"""Mapillary Vistas, as unpacked: {training,validation}/images, labels in a folder of their version, a list of classes.

The training frames are for training and the validation frames for testing. The ground truth of the testing frames
is not public: they are left out. A label is a palette PNG; its indices count the classes of the list, from 0.
"""

import json
from pathlib import PurePosixPath

import numpy as np

from roadseg.data.archives import Tree
from roadseg.data.pairs import Found, find_pairs, top_folder
from roadseg.frames.classes import IGNORE_INDEX, NAMES
from roadseg.frames.images import Values
from roadseg.pipeline.errors import UserError, printable

_PARTS = {"training": "training", "validation": "testing"}
# where a version keeps its labels, and the list of its classes; the first that is there is taken
_VERSIONS = {"v1.2/labels": "config_v1.2.json", "labels": "config.json", "v2.0/labels": "config_v2.0.json"}

# Names, and the first parts of names, by the Cityscapes class whose definition they meet: markings, cycle lanes and
# service lanes are road there, and the curb belongs to the sidewalk. All others are left out of training and scoring.
_NAMES_OF = {
    "road": "construction--flat--{road,crosswalk-plain,bike-lane,service-lane} marking marking-only",
    "sidewalk": "construction--flat--{sidewalk,pedestrian-area,curb-cut} construction--barrier--curb",
    "building": "construction--structure--building",
    "wall": "construction--barrier--wall",
    "fence": "construction--barrier--fence",
    "pole": "object--support--{pole,pole-group,utility-pole}",
    "traffic light": "object--traffic-light",
    "traffic sign": "object--traffic-sign--{front,direction-front,temporary-front,information-parking}",
    "vegetation": "nature--vegetation",
    "terrain": "nature--terrain",
    "sky": "nature--sky",
    "person": "human--person",
    "rider": "human--rider",
    "car": "object--vehicle--car",
    "truck": "object--vehicle--truck",
    "bus": "object--vehicle--bus",
    "train": "object--vehicle--on-rails",
    "motorcycle": "object--vehicle--motorcycle",
    "bicycle": "object--vehicle--bicycle",
}


def find_frames(tree: Tree) -> Found:
    """Find the training and validation frames; UserError where their labels or the list of classes are missing."""
    top = top_folder(tree, "training/images")
    labels = _version(tree, top)
    values = _values(tree, f"{top}{_VERSIONS[labels]}")
    splits = [
        find_pairs(tree, part, f"{top}{split}/images", f"{top}{split}/{labels}") for split, part in _PARTS.items()
    ]
    has_test = any(name.startswith(f"{top}testing/") for name in tree.names)
    return Found(
        [pair for pairs, _ in splits for pair in pairs],
        values,
        [line for _, lines in splits for line in lines],
        ["the frames in testing/images are left out: their ground truth is not public"] if has_test else [],
    )


def train_id_of(name: str) -> int:
    """Return the train id for the name of a class in Mapillary Vistas; 255 where Cityscapes has no such class.

    >>> train_id_of("human--person--individual"), train_id_of("object--bench")
    (11, 255)
    """
    parts = name.split("--")
    starts = ("--".join(parts[:n]) for n in range(1, len(parts) + 1))
    return next((_TRAIN_ID_OF[start] for start in starts if start in _TRAIN_ID_OF), IGNORE_INDEX)


def _version(tree: Tree, top: str) -> str:
    folders = {str(PurePosixPath(name).parent) for name in tree.names}
    if there := [labels for labels in _VERSIONS if f"{top}training/{labels}" in folders]:
        return there[0]
    choice = " or ".join(f"training/{labels}" for labels in _VERSIONS)
    raise UserError(f"{printable(tree.where)} has no labels; unpack them too, to {choice}")


def _values(tree: Tree, config: str) -> Values:
    """Read which class each index means."""
    if config not in tree.names:
        raise UserError(f"{tree.show(config)}, the list of the classes, is missing; unpack it too")
    try:
        names = [str(label["name"]) for label in json.loads(tree.read(config))["labels"]]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{tree.show(config)} is no list of classes; take that of the official archive") from None
    if not 0 < len(names) <= 256:
        raise UserError(f"{tree.show(config)} lists {len(names)} classes; take that of the official archive")
    table = np.full(256, -1, dtype=np.int16)
    table[: len(names)] = [train_id_of(name) for name in names]
    last = len(names) - 1
    return Values(table, f"{PurePosixPath(config).name} lists the classes 0..{last}: take both from one archive", True)


def _train_ids() -> dict[str, int]:
    """Write each name of the table out: `a--{b,c}` stands for `a--b` and `a--c`."""
    found: dict[str, int] = {}
    for train_id, name in enumerate(NAMES):
        for pattern in _NAMES_OF[name].split():
            start, _, choice = pattern.rstrip("}").partition("{")
            found |= {f"{start}{end}": train_id for end in choice.split(",")}
    return found


_TRAIN_ID_OF = _train_ids()
