"""No two epochs, frames or workers draw the same augmentation; the study's fault is there when asked for."""

import numpy as np
import pytest
import torch

from roadseg.augment import ShuffledDraws, augmented_batches, study_policy
from roadseg.frames import Frames

NUM_FRAMES, BATCH = 24, 3


@pytest.fixture
def same_frames():
    """Copies of one frame, so that what differs between samples was drawn."""
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    label = np.repeat(np.arange(16, dtype=np.uint8), 128).reshape(32, 64)
    copies = np.stack([image] * NUM_FRAMES), np.stack([label] * NUM_FRAMES)
    return Frames(*copies, sizes=[(32, 64)] * NUM_FRAMES)


def epochs_of(frames, draws_kind, workers, monkeypatch, epochs=(1, 2)):
    """The samples of each epoch in the order of the frames, or of the draws for `frozen`: (epochs, N, H, W, 3)."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(workers)))
    draws = ShuffledDraws(len(frames), seed=1, draws=draws_kind, batch_size=BATCH)
    loader = augmented_batches(frames, draws, study_policy(label_fill=255))
    result = []
    for draws.epoch in epochs:
        order = [index for _, index in draws]
        images = torch.cat([images for images, _ in loader]).numpy()
        result.append(images[np.argsort(order)] if draws_kind == "fresh" else images)
    return np.stack(result)


def share_equal(a, b):
    return float(np.mean([np.array_equal(x, y) for x, y in zip(a, b, strict=True)]))


def test_epochs_frames_and_workers_draw_differently(same_frames, monkeypatch):
    first, second = epochs_of(same_frames, "fresh", 2, monkeypatch)
    # 8 % of all draws change nothing and some flip alone, so a few are equal by chance
    assert share_equal(first, second) < 0.3
    assert share_equal(first[:-1], first[1:]) < 0.3
    batches = first.reshape(-1, BATCH, *first.shape[1:])
    assert share_equal(batches[0::2].reshape(-1, 32, 64, 3), batches[1::2].reshape(-1, 32, 64, 3)) < 0.3


def test_samples_are_the_same_for_any_number_of_workers(same_frames, monkeypatch):
    one, three = (epochs_of(same_frames, "fresh", n, monkeypatch) for n in (1, 3))
    assert np.array_equal(one, three)


def test_frozen_draws_repeat_between_epochs_and_between_two_workers(same_frames, monkeypatch):
    first, second = epochs_of(same_frames, "frozen", 2, monkeypatch)
    assert share_equal(first, second) == 1
    batches = first.reshape(-1, BATCH, *first.shape[1:])
    assert np.array_equal(batches[0::2], batches[1::2])


def test_each_epoch_visits_every_frame_once_in_another_order():
    draws = ShuffledDraws(10, seed=3, draws="fresh", batch_size=2)
    orders = []
    for draws.epoch in (1, 2):
        orders.append([index for _, index in draws])
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] != orders[1]


@pytest.mark.parametrize("fill", [0, 255])
def test_the_border_that_a_move_brings_in_gets_the_class_asked_for(fill):
    policy, values = study_policy(label_fill=fill), set()
    for seed in range(20):
        policy.set_random_seed(seed)
        values |= set(
            np.unique(policy(image=np.ones((32, 64, 3), np.uint8), mask=np.full((32, 64), 7, np.uint8))["mask"])
        )
    assert values == {7, fill}
