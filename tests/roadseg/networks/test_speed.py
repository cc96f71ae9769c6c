"""Frames per second, by a clock that the items themselves move."""

import pytest

from roadseg.networks.speed import Timed


def per_second(durations, warm_up):
    now = [0.0]

    def items():
        for seconds in durations:
            now[0] += seconds
            yield seconds

    timed = Timed(items(), warm_up, lambda: now[0])
    taken = []
    for item in timed:
        taken.append(item)
        now[0] += 100.0  # what is done with it
    assert taken == list(durations)
    return timed.per_second


@pytest.mark.parametrize(
    ("durations", "warm_up", "expected"),
    [((9.0, 0.5, 0.25, 0.25), 1, 3.0), ((2.0, 2.0), 2, 0.5), ((2.0,), 4, 0.5), ((9.0, 9.0, 4.0, 0.0), 2, 0.5)],
)
def test_frames_per_second(durations, warm_up, expected):
    assert per_second(durations, warm_up) == pytest.approx(expected)
