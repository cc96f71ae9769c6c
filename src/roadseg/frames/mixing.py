"""Which frames an epoch holds where further data is trained on, each main frame once and a choice of the others; and
in which order, so that each batch holds its share of every source.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np


@dataclass(frozen=True)
class Further:
    """Further data beside the main frames."""

    num_frames: int
    share: float  # of an epoch's draws


def draws_of(num_frames: int, further: Sequence[Further]) -> list[int]:
    """Return how many draws of each further source an epoch holds, with `num_frames` main frames once each.

    An epoch has num_frames / (1 - sum of the shares) draws, each source its share of them, rounded; at least one where
    the share is not 0.
    """
    total = num_frames / (1 - sum(source.share for source in further))
    return [round(total * source.share) or math.ceil(total * source.share) for source in further]


def frames_of_epoch(num_frames: int, further: Sequence[Further], seed: int, epoch: int) -> np.ndarray:
    """Return an epoch's frames as (N, 2) int64: the index, and how often the epoch has it already; not in random order.

    The main frames are 0..num_frames-1, the first further source begins at num_frames, and so on. Which frames of a
    source are taken depends on the seed, the epoch and the source's place; none is taken again before all are.
    """
    parts = [np.stack([np.arange(num_frames), np.zeros(num_frames, dtype=np.int64)], axis=1)]
    start = num_frames
    for place, (source, count) in enumerate(zip(further, draws_of(num_frames, further), strict=True), 1):
        rng = np.random.default_rng([seed, epoch, place])  # not from 0: numpy takes a last 0 for none
        times = -(-count // source.num_frames)
        taken = np.concatenate([np.zeros(0, np.int64), *(rng.permutation(source.num_frames) for _ in range(times))])
        parts.append(np.stack([start + taken, np.arange(len(taken)) // source.num_frames], axis=1)[:count])
        start += source.num_frames
    return np.concatenate(parts)


def spread_order(counts: Sequence[int], batch_size: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random order (N,) int64 of all draws, `counts` of each source, those of the first one being 0, 1, ...

    Each source is spread evenly over the batches: in a whole batch it has its share, rounded up or down, or with three
    sources and more sometimes one draw beside that. Within a batch the order is random.
    """
    draws = np.concatenate([first + rng.permutation(n) for first, n in zip(_firsts(counts), counts, strict=True)])
    when = np.concatenate([(np.arange(n) + rng.random()) / n for n in counts])  # of the epoch
    batches = np.argsort(np.argsort(when, kind="stable"), kind="stable") // batch_size
    return draws[np.lexsort((rng.random(len(draws)), batches))]


def _firsts(counts: Sequence[int]) -> list[int]:
    return [0, *accumulate(counts)][:-1]
