"""No two epochs, frames or workers draw the same augmentation; the study's fault is there when asked for."""

import shutil
import time

import numpy as np
import pytest
import torch

from roadseg.frames import batches as module
from roadseg.frames.augment import build_policy
from roadseg.frames.batches import Batches, ShuffledDraws
from roadseg.frames.resized import Frames

NUM_FRAMES, BATCH = 24, 3


@pytest.fixture
def same_frames():
    """Copies of one frame, so that what differs between samples was drawn."""
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    label = np.repeat(np.arange(16, dtype=np.uint8), 128).reshape(32, 64)
    copies = np.stack([image] * NUM_FRAMES), np.stack([label] * NUM_FRAMES)
    return Frames(*copies, sizes=[(32, 64)] * NUM_FRAMES)


def epochs_of(frames, draws_kind, workers, epochs=(1, 2)):
    """The samples of each epoch in the order of the frames, or of the draws for `frozen`: (epochs, N, H, W, 3)."""
    draws = ShuffledDraws(len(frames), BATCH, seed=1, kind=draws_kind)
    batches = Batches(frames, draws, build_policy("study", label_fill=255), workers)
    result = []
    for epoch in epochs:
        images = torch.cat([batch.images.clone() for batch in batches.of_epoch(epoch)]).numpy()
        order = [draw.index for batch in draws for draw in batch]
        result.append(images[np.argsort(order)] if draws_kind == "fresh" else images)
    return np.stack(result)


def share_equal(a, b):
    return float(np.mean([np.array_equal(x, y) for x, y in zip(a, b, strict=True)]))


def test_epochs_frames_and_workers_draw_differently(same_frames):
    first, second = epochs_of(same_frames, "fresh", 2)
    # 8 % of all draws change nothing and some flip alone, so a few are equal by chance
    assert share_equal(first, second) < 0.3
    assert share_equal(first[:-1], first[1:]) < 0.3
    batches = first.reshape(-1, BATCH, *first.shape[1:])
    assert share_equal(batches[0::2].reshape(-1, 32, 64, 3), batches[1::2].reshape(-1, 32, 64, 3)) < 0.3


def test_samples_are_the_same_for_any_number_of_workers(same_frames):
    one, two = (epochs_of(same_frames, "fresh", n) for n in (1, 2))
    assert np.array_equal(one, two)


class Keys:
    """Frames that show by what key each was drawn."""

    size = (1, 1)

    def sample(self, index, key):
        return np.full((1, 1, 3), sum(key.encode()) % 256, np.uint8), np.full((1, 1), index, np.uint8)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_frame_is_drawn_by_its_key(workers):
    draws = ShuffledDraws(4, 2, seed=7, kind="fresh")
    batches = [(batch.images.flatten(0, 2)[:, 0].tolist(), batch.labels.flatten().tolist(), batch.indices)
               for batch in Batches(Keys(), draws, None, workers).of_epoch(3)]  # fmt: skip
    expected = [[sum(f"7/3/{index}".encode()) % 256 for index in indices] for _, _, indices in batches]
    assert [drawn for drawn, _, _ in batches] == expected
    assert sorted(index for _, labels, _ in batches for index in labels) == [0, 1, 2, 3]


def test_frozen_draws_repeat_between_epochs_and_between_two_workers(same_frames):
    first, second = epochs_of(same_frames, "frozen", 2)
    assert share_equal(first, second) == 1
    batches = first.reshape(-1, BATCH, *first.shape[1:])
    assert np.array_equal(batches[0::2], batches[1::2])


def test_each_epoch_visits_every_frame_once_in_another_order():
    draws = ShuffledDraws(10, batch_size=4, seed=3, kind="fresh")
    orders = []
    for epoch in (1, 2):
        draws.epoch = epoch
        assert [len(batch) for batch in draws] == [4, 4, 2]
        orders.append([draw.index for batch in draws for draw in batch])
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] != orders[1]


def test_the_processes_share_each_batch_among_them(same_frames):
    frames = Frames(np.arange(7 * 6, dtype=np.uint8).reshape(7, 1, 2, 3), np.zeros((7, 1, 2), np.uint8), [(1, 2)] * 7)
    whole, first, second = (
        [(batch.images.clone(), batch.num_frames) for batch in Batches(frames, draws, None, 2, rank, world).of_epoch(1)]
        for rank, world in ((0, 1), (0, 2), (1, 2))
        for draws in [ShuffledDraws(7, batch_size=3, seed=1, kind="fresh")]
    )
    assert [n for _, n in whole] == [n for _, n in first] == [3, 3, 1]
    for (together, _), (a, _), (b, _) in zip(whole, first, second, strict=True):
        assert torch.equal(together[0::2], a)
        assert torch.equal(together[1::2], b)


def test_a_batch_stays_as_it_is_until_the_next_one_is_asked_for(same_frames):
    draws = ShuffledDraws(NUM_FRAMES, BATCH, seed=1, kind="fresh")
    batches = Batches(same_frames, draws, build_policy("study", 255), workers=2)  # 5 slots for 8 batches
    for batch in batches.of_epoch(1):
        before = batch.images.clone()
        time.sleep(0.05)  # the workers go on meanwhile
        assert torch.equal(batch.images, before)


SLOT = 4 * BATCH * 32 * 64  # bytes


@pytest.mark.parametrize("slots", [3, 2, 1])
def test_too_little_shared_memory_changes_nothing_but_the_pace(same_frames, monkeypatch, slots):
    torch.manual_seed(1)
    enough = epochs_of(same_frames, "fresh", 2, epochs=(1, 2, 1))
    drawn = torch.get_rng_state()  # by the loader, which dropout must not notice
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**20 + slots * SLOT}))
    torch.manual_seed(1)
    assert np.array_equal(epochs_of(same_frames, "fresh", 2, epochs=(1, 2, 1)), enough)
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_shortage_is_told_in_a_line(same_frames, monkeypatch):
    draws = ShuffledDraws(NUM_FRAMES, BATCH, seed=1, kind="fresh")
    assert Batches(same_frames, draws, None, workers=2).shortage == ""
    for slots, who in ((2, "1 of 2 loader processes make the batches"), (1, "the training makes the batches")):
        monkeypatch.setattr(module, "free_shared_memory", lambda n=slots: 2**20 + n * SLOT)
        batches = Batches(same_frames, draws, None, workers=2)
        assert batches.shortage.startswith(f"/dev/shm has too little room: {who}")
        assert batches.shortage.endswith("in a container start it with --shm-size=1g")
        assert "\n" not in batches.shortage
        assert [batch.num_frames for batch in batches.of_epoch(1, first=6)] == [3, 3]


@pytest.mark.parametrize("kind", ["fresh", "frozen"])
def test_draws_are_a_permutation_seeded_by_seed_and_epoch(kind):
    draws = ShuffledDraws(10, batch_size=4, seed=3, kind=kind)
    draws.epoch = 7
    order = np.random.default_rng([3, 7]).permutation(10)
    keys = (
        [f"3/7/{index}" for index in order] if kind == "fresh" else [f"3/{n}" for n in (0, 1, 2, 3, 0, 1, 2, 3, 4, 5)]
    )
    assert [(draw.index, draw.key) for batch in draws for draw in batch] == list(zip(order, keys, strict=True))
