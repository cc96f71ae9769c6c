"""How many frames a second a network predicts."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Timed(Generic[Item]):
    """Hands on what comes from `items`, and measures how long each takes to come, what is done with it left out.

    The first `warm_up` items are not counted: in them memory is laid out and kernels are chosen. Where there are no
    more than these, they are.
    """

    def __init__(self, items: Iterable[Item], warm_up: int, clock: Callable[[], float] = time.perf_counter) -> None:
        """`clock` gives seconds."""
        self.items, self.warm_up, self.clock = items, warm_up, clock
        self.seconds: list[float] = []

    def __iter__(self) -> Iterator[Item]:
        items = iter(self.items)
        while True:
            began = self.clock()
            try:
                item = next(items)
            except StopIteration:
                return
            self.seconds.append(self.clock() - began)
            yield item

    @property
    def per_second(self) -> float:
        counted = self.seconds[self.warm_up :] or self.seconds
        return len(counted) / max(sum(counted), 1e-9)
