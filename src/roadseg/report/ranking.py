"""Which of the disagreements between network and label are likelier the label's fault than the network's."""

from collections.abc import Sequence

import numpy as np

from roadseg.report.regions import Region

_RARE = 0.01  # confusions rarer than this are all alike


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


def habits(joint: np.ndarray) -> np.ndarray:
    """Return the shares of each label's pixels by predicted class, (K, K) float64, from counts (K, K) int64."""
    return joint / np.maximum(joint.sum(axis=1, keepdims=True), 1)


def most_suspicious(regions: Sequence[Region], shares: np.ndarray) -> list[tuple[int, float]]:
    """Return (place, suspicion) of all regions, the most suspicious first; `shares` (K, K) float as of `habits`."""
    found = [suspicion(region, _habit(region, shares[region.label])) for region in regions]
    return sorted(enumerate(found), key=lambda pair: -pair[1])


def _habit(region: Region, shares: np.ndarray) -> float:
    """Return the mean over a region's pixels of the share, (K,) float, of the class that the network gives each."""
    return float(sum(count * shares[k] for k, count in region.seen_as.items()) / region.pixels)
