"""No two epochs, frames or workers draw the same augmentation; the study's fault is there when asked for."""

import shutil
import sys
import time

import numpy as np
import pytest
import torch

from roadseg.frames import batches as module
from roadseg.frames.augment import Augmented, build_policy
from roadseg.frames.batches import Batches, BatchSampler, free_shared_memory, workers_that_fit
from roadseg.frames.store import Frames

NUM_FRAMES, BATCH = 24, 3
BYTES = 4 * BATCH * 32 * 64  # of a batch


@pytest.fixture
def same_frames():
    """Copies of one frame, so that what differs between samples was drawn."""
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    label = np.repeat(np.arange(16, dtype=np.uint8), 128).reshape(32, 64)
    copies = np.stack([image] * NUM_FRAMES), np.stack([label] * NUM_FRAMES)
    return Frames(*copies, sizes=[(32, 64)] * NUM_FRAMES)


def epochs_of(frames, kind, workers, epochs=(1, 2)):
    """The samples of each epoch in the order of the frames, or as drawn for `frozen`: (epochs, N, H, W, 3)."""
    sampler = BatchSampler(len(frames), BATCH, seed=1, kind=kind)
    batches = Batches(Augmented(frames, build_policy("study", label_fill=255)), sampler, workers)
    result = []
    for epoch in epochs:
        images = torch.cat([batch.images.clone() for batch in batches.of_epoch(epoch)]).numpy()
        order = [sample.index for batch in sampler for sample in batch]
        result.append(images[np.argsort(order)] if kind == "fresh" else images)
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
    assert np.array_equal(epochs_of(same_frames, "fresh", 1), [first, second])


def test_frozen_draws_repeat_between_epochs_and_between_two_workers(same_frames):
    first, second = epochs_of(same_frames, "frozen", 2)
    assert share_equal(first, second) == 1
    batches = first.reshape(-1, BATCH, *first.shape[1:])
    assert np.array_equal(batches[0::2], batches[1::2])


class Keys:
    """Frames that show by what key each was drawn."""

    size = (1, 1)

    def sample(self, index, key):
        return np.full((1, 1, 3), sum(key.encode()) % 256, np.uint8), np.full((1, 1), index, np.uint8)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_frame_is_drawn_by_its_key(workers):
    sampler = BatchSampler(4, 2, seed=7, kind="fresh")
    batches = [(batch.images.flatten(0, 2)[:, 0].tolist(), batch.labels.flatten().tolist(), batch.indices)
               for batch in Batches(Keys(), sampler, workers).of_epoch(3)]  # fmt: skip
    expected = [[sum(f"7/3/{index}".encode()) % 256 for index in indices] for _, _, indices in batches]
    assert [drawn for drawn, _, _ in batches] == expected
    assert sorted(index for _, labels, _ in batches for index in labels) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["fresh", "frozen"])
def test_an_epoch_is_a_permutation_seeded_by_seed_and_epoch(kind):
    sampler = BatchSampler(10, batch_size=4, seed=3, kind=kind)
    sampler.epoch = 7
    order = np.random.default_rng([3, 7]).permutation(10)
    keys = {"fresh": [f"3/7/{index}" for index in order], "frozen": [f"3/{n}" for n in (0, 1, 2, 3, 0, 1, 2, 3, 4, 5)]}
    assert [len(batch) for batch in sampler] == [4, 4, 2]
    drawn = [(sample.index, sample.key) for batch in sampler for sample in batch]
    assert drawn == list(zip(order, keys[kind], strict=True))


def test_the_processes_share_each_batch_among_them():
    frames = Frames(np.arange(7 * 6, dtype=np.uint8).reshape(7, 1, 2, 3), np.zeros((7, 1, 2), np.uint8), [(1, 2)] * 7)
    whole, first, second = (
        [(batch.images.clone(), batch.num_frames) for batch in Batches(frames, sampler, 2, rank, world).of_epoch(1)]
        for rank, world in ((0, 1), (0, 2), (1, 2))
        for sampler in [BatchSampler(7, batch_size=3, seed=1, kind="fresh")]
    )
    assert [n for _, n in whole] == [n for _, n in first] == [3, 3, 1]
    for (together, _), (a, _), (b, _) in zip(whole, first, second, strict=True):
        assert torch.equal(together[0::2], a)
        assert torch.equal(together[1::2], b)


def test_a_batch_stays_as_it_is_until_the_next_one_is_asked_for(same_frames):
    augmented = Augmented(same_frames, build_policy("study", 255))
    batches = Batches(augmented, BatchSampler(NUM_FRAMES, BATCH, seed=1, kind="fresh"), workers=2)  # 5 buffers for 8
    for batch in batches.of_epoch(1):
        before = batch.images.clone()
        time.sleep(0.05)  # the workers go on meanwhile
        assert torch.equal(batch.images, before)


@pytest.mark.parametrize("room", [3, 2, 1])
def test_too_little_shared_memory_changes_nothing_but_the_pace(same_frames, monkeypatch, room):
    torch.manual_seed(1)
    enough = epochs_of(same_frames, "fresh", 2, epochs=(1, 2, 1))
    drawn = torch.get_rng_state()  # by the loader, which dropout must not notice
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**20 + room * BYTES}))
    torch.manual_seed(1)
    assert np.array_equal(epochs_of(same_frames, "fresh", 2, epochs=(1, 2, 1)), enough)
    assert torch.equal(torch.get_rng_state(), drawn)


def test_a_shortage_is_told_in_a_line(same_frames, monkeypatch):
    sampler = BatchSampler(NUM_FRAMES, BATCH, seed=1, kind="fresh")
    assert Batches(same_frames, sampler, workers=2).shortage == ""
    for room, who in ((2, "1 of 2 loader processes make the batches"), (1, "the training makes the batches")):
        monkeypatch.setattr(module, "free_shared_memory", lambda n=room: 2**20 + n * BYTES)
        batches = Batches(same_frames, sampler, workers=2)
        assert batches.shortage.startswith(f"/dev/shm has too little room: {who}")
        assert batches.shortage.endswith("in a container start it with --shm-size=1g")
        assert "\n" not in batches.shortage
        assert [batch.num_frames for batch in batches.of_epoch(1, first=6)] == [3, 3]


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (5 * BYTES, (2, 2)),
        (5 * BYTES - 1, (2, 1)),
        (3 * BYTES, (2, 1)),
        (3 * BYTES - 1, (1, 1)),
        (2 * BYTES, (1, 1)),
        (2 * BYTES - 1, (0, 0)),
        (-(2**20), (0, 0)),
    ],
)
def test_as_many_workers_as_shared_memory_has_room_for(room, expected):
    assert workers_that_fit(2, BYTES, 2**20 + room) == expected
    assert workers_that_fit(2, BYTES, None) == (2, 2)


@pytest.mark.parametrize(("platform", "room"), [("linux", 0), ("darwin", None)])
def test_no_folder_of_shared_memory(monkeypatch, tmp_path, platform, room):
    monkeypatch.setattr(module, "_SHARED_MEMORY", tmp_path / "none")
    monkeypatch.setattr(sys, "platform", platform)
    assert free_shared_memory() == room
