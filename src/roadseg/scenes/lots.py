"""What stands beside the road: the lots of one side, from the sidewalk's outer edge outwards."""

import numpy as np

from roadseg.scenes.barriers import fence, wall
from roadseg.scenes.buildings import terrace
from roadseg.scenes.greenery import Nursery
from roadseg.scenes.item import Item

START, END = 2.5, 100.0  # metres
_BEHIND = 7.0  # metres; more than the length of a piece of fence, hedge or wall
Span = tuple[float, float]

# how likely each kind of lot is: terrace, house, park, wall, hedge
_TOWN, _SUBURB, _COUNTRY = (0.36, 0.2, 0.1, 0.22, 0.12), (0.1, 0.36, 0.14, 0.22, 0.18), (0.0, 0.2, 0.4, 0.22, 0.18)


class Side:
    """One side of the road; `edge` is where its lots begin, in metres from the lens."""

    def __init__(self, rng: np.random.Generator, nursery: Nursery, edge: float, side: int) -> None:
        self.rng, self.nursery, self.edge, self.side = rng, nursery, edge, side

    def out(self, metres: float) -> float:
        """x of a place that many metres beyond the edge."""
        return self.edge + self.side * metres

    def tree(self, out: Span, z: Span, tall: Span) -> Item:
        """A tree somewhere in these spans, painted before any fence or wall at the edge."""
        uniform = self.rng.uniform
        return self.nursery.tree(self.out(uniform(*out)), uniform(*z), uniform(*tall), behind=_BEHIND)

    def bush(self, out: Span, z: Span, half: Span, tall: Span) -> Item:
        """A bush, likewise."""
        uniform = self.rng.uniform
        return self.nursery.bush(self.out(uniform(*out)), uniform(*z), uniform(*half), uniform(*tall), behind=_BEHIND)

    def terrace(self, z0: float, z1: float) -> list[Item]:
        """Houses wall to wall at the sidewalk."""
        items, setback = [], self.rng.uniform(0, 1.2)
        while z1 - z0 > 5:
            end = min(z1, z0 + self.rng.uniform(7, 14))
            tall = self.rng.choice([5.6, 6.6, 8.6, 9.4, 11.6])
            items.append(terrace(self.rng, self.out(setback), self.side, (z0, end), tall, 9.0))
            z0 = end
        return items

    def house(self, z0: float, z1: float) -> list[Item]:
        """A house in its garden, behind a fence, a low wall or nothing."""
        rng = self.rng
        end = min(z0 + rng.uniform(9, 12), z1)
        items = [terrace(rng, self.out(rng.uniform(4, 7)), self.side, (z0 + 2, end), 5.6, 8.0)]
        items += [self.tree((2, 5), (z0, z1), (3, 7)) for _ in range(rng.integers(2, 5))]
        items += [self.bush((1, 3), (z0, z1), (0.7, 1.2), (0.8, 1.6)) for _ in range(rng.integers(1, 5))]
        if rng.random() < 0.8:
            items += fence(rng, self.out(0.3), z0, z1)
        return items

    def park(self, z0: float, z1: float) -> list[Item]:
        """Grass with trees and bushes."""
        rng = self.rng
        count = int((z1 - z0) / 3)
        items = [self.tree((2, 14), (z0, z1), (6, 13)) for _ in range(count)]
        items += [self.bush((4, 16), (z0, z1), (1, 2.4), (1, 2.5)) for _ in range(count)]
        if rng.random() < 0.5:
            items += fence(rng, self.out(0.6), z0, z1)
        return items

    def wall(self, z0: float, z1: float) -> list[Item]:
        """A wall with trees looking over it."""
        trees = [self.tree((2, 6), (z, z + 2), (5, 10)) for z in np.arange(z0, z1, self.rng.uniform(3, 6))]
        return trees + wall(self.rng, self.out(0.2), z0, z1)

    def hedge(self, z0: float, z1: float) -> list[Item]:
        """A clipped hedge before trees."""
        tall = self.rng.uniform(1.0, 2.2)
        trees = [self.tree((3, 8), (z, z + 2), (5, 10)) for z in np.arange(z0, z1, 5.0)]
        rows = [self.nursery.hedge_row(self.out(0.3), self.side, z, z + 5, tall) for z in np.arange(z0, z1 - 4, 5.0)]
        return trees + rows

    def fill(self, odds: tuple[float, ...], gaps: list[tuple[float, float]]) -> list[Item]:
        """Lots along the whole side, except in the gaps (z from, z to)."""
        kinds = (self.terrace, self.house, self.park, self.wall, self.hedge)
        items: list[Item] = []
        z = START + self.rng.uniform(0, 4)
        while z < END:
            end = z + self.rng.uniform(12, 28)
            for near, far in gaps:
                if z < near < end:
                    end = near
                elif near <= z < far:
                    z, end = far, far + 14
            if end - z > 6:
                items += kinds[self.rng.choice(len(kinds), p=odds)](z, end)
            z = end
        return items


def random_odds(rng: np.random.Generator) -> tuple[float, ...]:
    """How likely each kind of lot is: town, suburb or country."""
    return (_TOWN, _SUBURB, _COUNTRY)[rng.choice(3, p=(0.4, 0.35, 0.25))]
