"""An epoch with further data: counts worked out by hand, what repeats and what does not."""

from collections import Counter

import numpy as np
import pytest

from roadseg.frames.batches import ShuffledDraws
from roadseg.frames.mixing import Further, draws_of, frames_of_epoch, spread_order


@pytest.mark.parametrize(
    ("num_frames", "shares", "counts"),
    [
        (10, [], []),
        (10, [0.5], [10]),  # 20 draws
        (70, [0.3], [30]),  # 100 draws
        (70, [0.1, 0.2], [10, 20]),
        (135, [0.2, 0.2], [45, 45]),  # 225 draws
        (10, [0.0], [0]),
        (10, [0.3], [4]),  # 14.29 draws, of which 4.29
        (10, [0.001], [1]),  # 10.01 draws, of which 0.01: not none
        (1, [0.9], [9]),
    ],
)
def test_each_source_has_its_share_of_an_epoch(num_frames, shares, counts):
    further = [Further(5, share) for share in shares]
    assert draws_of(num_frames, further) == counts
    assert len(frames_of_epoch(num_frames, further, seed=1, epoch=1)) == num_frames + sum(counts)


def test_main_frames_once_and_none_of_a_source_again_before_all_of_it():
    # 10 main frames and 4 + 2: 20 draws, of which 6 of the first four frames and 4 of the last two
    rows = frames_of_epoch(10, [Further(4, 0.3), Further(2, 0.2)], seed=3, epoch=2)
    assert [index for index, again in rows if index < 10] == list(range(10))
    times = Counter(int(index) for index, _ in rows)
    assert sorted(times[index] for index in range(10, 14)) == [1, 1, 2, 2]
    assert [times[index] for index in (14, 15)] == [2, 2]
    assert {(int(i), int(again)) for i, again in rows} == {(i, k) for i, n in times.items() for k in range(n)}


def test_the_choice_changes_with_epoch_seed_and_source_and_comes_again():
    further = [Further(1000, 0.25), Further(1000, 0.25)]

    def choices(seed, epoch):
        rows = frames_of_epoch(20, further, seed, epoch)[20:, 0]
        return rows[:10] - 20, rows[10:] - 1020

    first, second = choices(1, 1)
    assert all(0 <= index < 1000 for index in (*first, *second))
    assert len({tuple(sorted(c)) for c in (first, second, *choices(1, 2), *choices(2, 1))}) == 6
    np.testing.assert_array_equal(choices(1, 1), (first, second))


def test_a_larger_source_is_seen_whole_in_time():
    seen = {int(i) for epoch in range(60) for i in frames_of_epoch(10, [Further(30, 0.5)], 1, epoch)[10:, 0]}
    assert seen == set(range(10, 40))


@pytest.mark.parametrize("kind", ["fresh", "frozen"])
def test_without_further_data_draws_are_a_permutation_seeded_by_seed_and_epoch(kind):
    draws = ShuffledDraws(10, batch_size=4, seed=3, kind=kind)
    draws.epoch = 7
    order = np.random.default_rng([3, 7]).permutation(10)
    keys = (
        [f"3/7/{index}" for index in order] if kind == "fresh" else [f"3/{n}" for n in (0, 1, 2, 3, 0, 1, 2, 3, 4, 5)]
    )
    assert [(draw.index, draw.key) for batch in draws for draw in batch] == list(zip(order, keys, strict=True))


def test_draws_are_mixed_and_a_repeated_frame_is_augmented_anew():
    def drawn():
        draws = ShuffledDraws(10, batch_size=4, seed=3, kind="fresh", further=[Further(4, 0.5)])
        draws.epoch = 1
        assert (draws.num_draws, len(draws)) == (20, 5)
        assert [len(batch) for batch in draws] == [4] * 5
        return [draw for batch in draws for draw in batch]

    order = [draw.index for draw in drawn()]
    assert Counter(order).keys() == set(range(14))
    assert [sum(index >= 10 for index in order[batch : batch + 4]) for batch in range(0, 20, 4)] == [2] * 5  # its half
    assert len({tuple(index >= 10 for index in order[batch : batch + 4]) for batch in range(0, 20, 4)}) > 1
    assert len({draw.key for draw in drawn()}) == 20
    assert drawn() == drawn()


@pytest.mark.parametrize(
    ("counts", "batch_size", "most_off"),
    [
        ([24, 12], 3, 0),  # two and one in each of the 12
        ([30, 10, 20], 6, 0),  # three, one and two
        ([70, 30], 4, 1),  # 1.2 of the second: one or two
        ([95, 5], 4, 1),  # none or one
        ([70, 20, 10], 8, 2),
        ([13, 0, 27], 5, 2),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_each_batch_has_its_share_of_each_source(counts, batch_size, most_off, seed):
    order = spread_order(counts, batch_size, np.random.default_rng(seed))
    assert sorted(order) == list(range(sum(counts)))
    sources = np.repeat(np.arange(len(counts)), counts)[order]
    for batch in range(sum(counts) // batch_size):
        held = np.bincount(sources[batch * batch_size : (batch + 1) * batch_size], minlength=len(counts))
        off = np.abs(held - batch_size * np.array(counts) / sum(counts))
        assert off.max() == 0 if most_off == 0 else off.max() < most_off


def test_the_spread_order_is_random_in_frames_and_places():
    orders = [spread_order([60, 20], 4, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(orders[0], orders[1])
    assert (orders[0] != orders[2]).any()
    places = [int(np.flatnonzero(batch >= 60)[0]) for batch in orders[0].reshape(20, 4)]  # one in each
    assert set(places) == {0, 1, 2, 3}
    firsts = orders[0][orders[0] < 60][:10]
    assert (np.diff(firsts) < 0).any()
