"""Two processes, one for each way of working, that are measured alternately on the same machine in the same minutes.

They are apart so that neither gains from what the other sets: how memory is kept, how many threads there are.
"""

import multiprocessing
import statistics
import time
from collections.abc import Callable
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
    sides = [_Side(maker, arguments) for maker in (study, ours)]
    seconds: list[list[float]] = [[], []]
    results: list[Any] = [None, None]
    for turn in range(warm_up + turns):
        for side, times in zip(sides, seconds, strict=True):
            took, results[sides.index(side)] = side.run()
            if turn >= warm_up:
                times.append(took)
    for side in sides:
        side.end()
    return Pair(statistics.median(seconds[0]), statistics.median(seconds[1]), *results)


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
