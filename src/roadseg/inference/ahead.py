"""Work in threads beside the network, never far ahead of it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Result = TypeVar("Result")


def in_order(pool: Executor, jobs: Iterable[Callable[[], Result]], ahead: int) -> Iterator[Result]:
    """Run jobs in the pool and yield what they return, in their order; `ahead` at most are begun and not yet taken.

    So what waits in memory doesn't grow with their number. An exception of a job is raised in its turn.
    """
    waiting: deque[Future[Result]] = deque()
    for job in jobs:
        waiting.append(pool.submit(job))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
