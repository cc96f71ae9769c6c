"""Two processes, one for each way of working, that are measured alternately on the same machine in the same minutes.

They are apart so that neither gains from what the other sets: how memory is kept, how many threads there are.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

Job = Callable[[], Any]
Maker = Callable[..., Job]  # called in the process: the job that it returns is measured


@dataclass(frozen=True)
class Pair:
    """Medians of both ways in seconds, and what each computed in its last turn."""

    study: float
    ours: float
    study_result: Any
    our_result: Any

    @property
    def ratio(self) -> float:
        return self.study / self.ours


def measure(study: Maker, ours: Maker, *arguments: Any, turns: int = 5, warm_up: int = 1) -> Pair:
    """Build both jobs, each in its own process, and run them alternately."""
    first, second = measure_all([study, ours], *arguments, turns=turns, warm_up=warm_up)
    return Pair(first[0], second[0], first[1], second[1])


def measure_all(makers: Sequence[Maker], *arguments: Any, turns: int = 5, warm_up: int = 1) -> list[tuple[float, Any]]:
    """Build all jobs, each in its own process, and run them in turns: the median in seconds and the last result."""
    sides = [_Side(maker, arguments) for maker in makers]
    seconds: list[list[float]] = [[] for _ in makers]
    results: list[Any] = [None for _ in makers]
    for turn in range(warm_up + turns):
        for index, side in enumerate(sides):
            took, results[index] = side.run()
            if turn >= warm_up:
                seconds[index].append(took)
    for side in sides:
        side.end()
    return [(statistics.median(times), result) for times, result in zip(seconds, results, strict=True)]


class _Side:
    def __init__(self, maker: Maker, arguments: tuple[Any, ...]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, maker, arguments))
        self.process.start()
        theirs.close()

    def run(self) -> tuple[float, Any]:
        self.connection.send("run")
        return self.connection.recv()

    def end(self) -> None:
        self.connection.close()
        self.process.join()


def _serve(connection: Connection, maker: Maker, arguments: tuple[Any, ...]) -> None:
    multiprocessing.set_start_method(None, force=True)  # the loaders' workers start as they do in any program
    job = maker(*arguments)
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        started = time.perf_counter()
        result = job()
        connection.send((time.perf_counter() - started, result))
