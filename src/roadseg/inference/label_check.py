"""Places where the label is improbable to the network, the most suspicious first.

Some of these labels are wrong, elsewhere the network is: `suspicion` says which of the two is likelier.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from roadseg.frames.classes import IGNORE_INDEX
from roadseg.frames.counting import joint_histogram
from roadseg.frames.images import write_image
from roadseg.frames.store import Frames
from roadseg.networks.prediction import Engine, upsample_like
from roadseg.pipeline.params import CheckLabels

_LEAST = 32  # pixels of a region; at borders smaller ones are everywhere
_TINY = 1e-6  # the least probability that counts, so that its logarithm is a number
_RARE = 0.01  # confusions rarer than this are all alike
_ROWS = 1000  # regions in the table

Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two are the first pixels outside
Parts = tuple[np.ndarray, np.ndarray]  # each pixel's part, (H, W) int32; (N, 5) left, top, width, height, pixels


@dataclass(frozen=True)
class Seen:
    """What the network says of each pixel of a frame."""

    best: np.ndarray  # (H, W) uint8, the likeliest class
    of_best: np.ndarray  # (H, W) float32, its probability
    of_label: np.ndarray  # (H, W) float32, that of the label; of no meaning where there is none


@dataclass(frozen=True)
class Region:
    """Connected pixels of one label to which the network gives other classes."""

    label: int
    seen_as: Mapping[int, int]  # how many pixels it gives to which class
    box: Box
    confidence: float  # mean probability of the classes that the network gives
    surprise: float  # mean of -log of the probability that it gives to the label
    coverage: float  # share of the object that the network sees, connected pixels of the class that it gives most

    @property
    def pixels(self) -> int:
        return sum(self.seen_as.values())

    @property
    def predicted(self) -> int:
        """The class that the network gives most of the pixels, the first of equals."""
        return max(self.seen_as, key=lambda k: self.seen_as[k])


@dataclass(frozen=True)
class Checked:
    """A frame whose label was compared with what the network sees."""

    split: str
    image: PurePath  # its picture within the data
    size: tuple[int, int]  # height and width of the file
    joint: np.ndarray  # (K, K) int64, pixels by label and predicted class
    regions: list[Region]


Ranked = tuple[float, int, Region]  # suspicion, place of the frame among the checked ones, region


class LabelCheck:
    """Compares frame by frame, and writes what was found in all of them into a folder.

    `regions.csv` lists the regions and `frames.csv` the frames, the most suspicious first; `classes` holds what the
    network sees in the frames of the first regions, at its input size.
    """

    def __init__(self, folder: Path, names: Sequence[str], how: CheckLabels) -> None:
        self.folder, self.names, self.how = folder, names, how
        self.checked: list[Checked] = []
        (folder / "classes").mkdir(parents=True)

    def add(self, split: str, image: PurePath, size: tuple[int, int], seen: Seen, label: np.ndarray) -> None:
        """Compare a frame's label, (H, W) uint8, 255 for none, with what the network sees; `size` is the file's."""
        write_image(self._class_map(len(self.checked)), seen.best)
        joint = joint_histogram(seen.best, label)[: len(self.names), : len(self.names)]
        self.checked.append(Checked(split, image, size, joint, find_regions(seen, label, self.how.improbable)))

    def write(self, size: tuple[int, int]) -> int:
        """Write both tables and remove the class maps that the report won't show; return how many regions there are.

        `size` is the (height, width) at which labels were compared.
        """
        ranked = rank(self.checked)
        maps = {place: self._class_map(place) for place in range(len(self.checked))}
        for place in set(maps) - {place for _, place, _ in ranked[: self.how.shown]}:
            maps.pop(place).unlink()
        write_rows(region_rows(self.checked, ranked, size, self.names, maps), self.folder / "regions.csv")
        write_rows(frame_rows(self.checked, ranked), self.folder / "frames.csv")
        return len(ranked)

    def _class_map(self, place: int) -> Path:
        return self.folder / "classes" / f"{place + 1:05}.png"


# --- what the network sees


def seen_in(frames: Frames, engine: Engine, batch_size: int) -> Iterator[Seen]:
    """Yield what the network sees in each frame, at the size of the frames' labels."""
    for start in range(0, len(frames), batch_size):
        batch = slice(start, start + batch_size)
        labels = frames.labels[batch]
        yield from seen_by(upsample_like(engine(frames.images[batch]), torch.from_numpy(labels)), labels)


def seen_by(logits: Tensor, labels: np.ndarray) -> list[Seen]:
    """Return what (N, K, H, W) float logits say of each frame and its label, (N, H, W) uint8."""
    with torch.inference_mode():
        probabilities = logits.contiguous().softmax(dim=1)  # with channels last in memory it takes three times as long
        of_best, best = probabilities.max(dim=1)
        known = torch.from_numpy(labels).to(logits.device).long().clamp_max(logits.shape[1] - 1)
        of_label = probabilities.gather(1, known[:, None])[:, 0]
    maps = (values.cpu().numpy() for values in (best.byte(), of_best, of_label))
    return [Seen(*of_frame) for of_frame in zip(*maps, strict=True)]


# --- regions


def find_regions(seen: Seen, label: np.ndarray, improbable: float) -> list[Region]:
    """Find where the label, (H, W) uint8, 255 for none, is less than `improbable` to a network that sees another class.

    Which other class may differ within a region: a car that the network takes for half a truck is one object.
    """
    doubted = (seen.of_label < improbable) & (seen.best != label) & (label != IGNORE_INDEX)
    labels, counts = np.unique(label[doubted], return_counts=True)
    parts = cache(lambda k: _parts(seen.best == k))  # of each class that is looked at
    return [
        _region(seen, int(true), box, inside, parts)
        for true in labels[counts >= _LEAST]
        for box, inside in _large_parts(doubted & (label == true))
    ]


def _large_parts(mask: np.ndarray) -> Iterator[tuple[Box, np.ndarray]]:
    """Yield each connected part of a mask, (H, W) bool, that is large enough: its box, and the mask inside the box."""
    numbers, stats = _parts(mask)
    for number, (left, top, width, height, pixels) in enumerate(stats.tolist()):
        if number and pixels >= _LEAST:
            box = left, top, left + width, top + height
            yield box, numbers[top : box[3], left : box[2]] == number


def _parts(mask: np.ndarray) -> Parts:
    """Number the connected parts of a mask, (H, W) bool; part 0 is what lies outside of it."""
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return numbers, stats


def _region(seen: Seen, true: int, box: Box, inside: np.ndarray, parts: Callable[[int], Parts]) -> Region:
    """Describe the pixels `inside` a box, of one label; `parts` gives those of a class that the network sees."""
    within = slice(box[1], box[3]), slice(box[0], box[2])
    classes, counts = np.unique(seen.best[within][inside], return_counts=True)
    predicted = int(classes[counts.argmax()])
    numbers, stats = parts(predicted)
    touched = np.unique(numbers[within][inside & (seen.best[within] == predicted)])
    surprise = -np.log(np.maximum(seen.of_label[within][inside], _TINY)).mean()
    return Region(
        true,
        dict(zip(classes.tolist(), counts.tolist(), strict=True)),
        box,
        confidence=float(seen.of_best[within][inside].mean()),
        surprise=float(surprise),
        coverage=float(counts.max() / stats[touched, cv2.CC_STAT_AREA].sum()),
    )


# --- which are the most suspicious


def rank(checked: Sequence[Checked]) -> list[Ranked]:
    """Return the regions of all frames, the most suspicious first."""
    joint = np.sum([frame.joint for frame in checked], axis=0)
    shares = joint / np.maximum(
        joint.sum(axis=1, keepdims=True), 1
    )  # (K, K), of each label's pixels by predicted class
    found = [
        (suspicion(region, habit(region, shares[region.label])), place, region)
        for place, frame in enumerate(checked)
        for region in frame.regions
    ]
    return sorted(found, key=lambda ranked: -ranked[0])


def habit(region: Region, shares: np.ndarray) -> float:
    """Return the mean over a region's pixels of the share, (K,) float, of the class that the network gives each."""
    return float(sum(count * shares[k] for k, count in region.seen_as.items()) / region.pixels)


def suspicion(region: Region, habit: float) -> float:
    """Return how much a region speaks against its label: the larger, the more.

    It grows with how improbable the label is to the network (squared), and with the square roots of the region's pixels
    and of its share of the object seen there. It falls with `habit`, the share of the label's pixels to which the
    network gives those classes anyway: what it often takes for another class is its own mistake.

    >>> region = Region(0, {13: 400}, (0, 0, 20, 20), 0.99, 8.0, 1.0)
    >>> round(suspicion(region, 0.0)), round(suspicion(region, 0.09))
    (128000, 12800)
    """
    return float(region.surprise**2 * (region.coverage * region.pixels) ** 0.5 / (_RARE + habit))


# --- the two tables


def region_rows(
    checked: Sequence[Checked],
    ranked: Sequence[Ranked],
    size: tuple[int, int],
    names: Sequence[str],
    maps: Mapping[int, Path],
) -> list[dict[str, Any]]:
    """Return a row for each of the first regions; boxes are in pixels of the picture's file.

    `size` is the (height, width) at which frames were compared, `maps` are the class maps that there are by frame.
    """
    rows: list[dict[str, Any]] = []
    for rank, (score, place, region) in enumerate(ranked[:_ROWS], 1):
        frame, (left, top, right, bottom) = checked[place], region.box
        down, across = frame.size[0] / size[0], frame.size[1] / size[1]
        rows.append(
            {
                "rank": rank,
                "split": frame.split,
                "image": str(frame.image),
                "label": names[region.label],
                "predicted": names[region.predicted],
                "left": int(left * across),  # rounded outwards, as the other sides are
                "top": int(top * down),
                "right": math.ceil(right * across),
                "bottom": math.ceil(bottom * down),
                "share": round(region.pixels / (size[0] * size[1]), 6),
                "confidence": round(region.confidence, 4),
                "suspicion": round(score),
                "classes": maps[place].name if place in maps else "",
            }
        )
    return rows


def frame_rows(checked: Sequence[Checked], ranked: Sequence[Ranked]) -> list[dict[str, Any]]:
    """Return a row for each frame that has a region: the share of its labelled pixels, and its regions' suspicion."""
    scores: dict[int, list[float]] = defaultdict(list)
    for score, place, _ in ranked:
        scores[place].append(score)
    rows: list[dict[str, Any]] = []
    for place, found in scores.items():
        frame = checked[place]
        share = sum(region.pixels for region in frame.regions) / int(frame.joint.sum())
        row = {"split": frame.split, "image": str(frame.image), "regions": len(found), "share": round(share, 6)}
        rows.append(row | {"suspicion": round(sum(found))})
    return sorted(rows, key=lambda row: -row["suspicion"])


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as CSV, names as their bytes are."""
    pd.DataFrame(rows).to_csv(path, index=False, quoting=csv.QUOTE_NONNUMERIC, errors="surrogateescape")
