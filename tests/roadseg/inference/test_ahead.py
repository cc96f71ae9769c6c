"""Jobs run ahead of who takes their results, but not far."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from roadseg.inference.ahead import in_order


def late(seconds, value):
    time.sleep(seconds)
    return value


def test_results_come_in_the_order_of_their_jobs():
    with ThreadPoolExecutor(4) as pool:
        jobs = [partial(late, 0.02 * (i % 3 == 0), i) for i in range(12)]
        assert list(in_order(pool, jobs, 5)) == list(range(12))


@pytest.mark.parametrize("ahead", [1, 4])
def test_no_more_jobs_are_begun_than_may_be_ahead(ahead):
    begun, most = [], 0
    jobs = (partial(begun.append, i) for i in range(50))
    with ThreadPoolExecutor(2) as pool:
        for taken, _ in enumerate(in_order(pool, jobs, ahead)):
            most = max(most, len(begun) - taken)
    assert len(begun) == 50
    assert most <= ahead


def test_a_failure_is_raised_in_its_turn():
    with ThreadPoolExecutor(1) as pool:
        results = in_order(pool, [partial(int, "1"), partial(int, "x"), partial(int, "3")], 2)
        assert next(results) == 1
        with pytest.raises(ValueError, match="'x'"):
            next(results)
