"""Training batches whose order and augmentation depend on the seed, the epoch and the frame, not on any process."""

import math
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from roadseg.frames.augment import Policy, seed_policy
from roadseg.frames.shared_memory import free_shared_memory, shortage, workers_that_fit


class Samples(Protocol):
    """What batches are made from: pictures and labels of one size, which may be drawn by a key."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""

    def sample(self, index: int, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (H, W, 3) uint8 RGB and (H, W) uint8, the same ones whenever index and key are the same."""


@dataclass(frozen=True)
class Draw:
    """Which frame, and what seeds its augmentation."""

    index: int
    key: str


@dataclass(frozen=True)
class Batch:
    """One process's share of a batch. The tensors are overwritten once the next batch is asked for."""

    images: Tensor  # (B, H, W, 3) uint8 RGB
    labels: Tensor  # (B, H, W) uint8
    num_frames: int  # of the whole batch, over all processes
    indices: tuple[int, ...] = ()  # of the frames


class ShuffledDraws(Sampler[list[Draw]]):
    """Every frame once an epoch in a new order, in batches, each frame with what seeds its augmentation.

    `fresh` draws differ by epoch and frame. `frozen` repeats the study's fault (docs/study.md, Faults): two workers
    take batches in turn, and each starts every epoch with the same draws.
    """

    def __init__(self, num_frames: int, batch_size: int, seed: int, kind: str) -> None:
        self.num_frames, self.batch_size, self.seed, self.kind = num_frames, batch_size, seed, kind
        self.epoch = 0

    def __len__(self) -> int:
        return -(-self.num_frames // self.batch_size)

    def __iter__(self) -> Iterator[list[Draw]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.num_frames)
        for batch in range(len(self)):
            indices = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [Draw(int(index), self._key(batch, place, index)) for place, index in enumerate(indices)]

    def _key(self, batch: int, place: int, index: int) -> str:
        if self.kind == "fresh":
            return f"{self.seed}/{self.epoch}/{index}"
        return f"{self.seed}/{batch // 2 * self.batch_size + place}"


@dataclass(frozen=True)
class _Order:
    """An order to a worker: make these frames, in that slot."""

    slot: int
    draws: list[Draw]
    num_frames: int


class _Orders(Sampler[_Order]):
    """The share of process `rank` of `world` in each batch: every world-th of its frames."""

    def __init__(self, draws: ShuffledDraws, num_slots: int, rank: int, world: int) -> None:
        self.draws, self.num_slots, self.rank, self.world = draws, num_slots, rank, world
        self.first = 0  # the number of the first batch to be made

    def __len__(self) -> int:
        return len(self.draws)

    def __iter__(self) -> Iterator[_Order]:
        for number, batch in enumerate(islice(self.draws, self.first, None)):
            yield _Order(number % self.num_slots, batch[self.rank :: self.world], len(batch))


class _Slots(Dataset[_Order]):
    """Makes batches in memory that the worker processes share with the one that trains; one slot is not shared.

    Handing over a new tensor for each batch costs as much time as augmenting it.
    """

    def __init__(self, frames: Samples, policy: Policy | None, num_slots: int, batch_size: int) -> None:
        self.frames, self.policy = frames, policy
        shape = num_slots, batch_size, *frames.size
        self.images = torch.empty((*shape, 3), dtype=torch.uint8)
        self.labels = torch.empty(shape, dtype=torch.uint8)
        if num_slots > 1:
            self.images, self.labels = self.images.share_memory_(), self.labels.share_memory_()

    def __getitem__(self, order: _Order) -> _Order:
        images, labels = self.images[order.slot].numpy(), self.labels[order.slot].numpy()
        for place, draw in enumerate(order.draws):
            images[place], labels[place] = self.sample(draw)
        return order

    def sample(self, draw: Draw) -> tuple[np.ndarray, np.ndarray]:
        image, label = self.frames.sample(draw.index, draw.key)
        if self.policy is None:
            return image, label
        seed_policy(self.policy, draw.key)
        sample = self.policy(image=image, mask=label)
        return sample["image"], sample["mask"]


class Batches:
    """One process's batches, made by `workers` loader processes; it is number `rank` of `world` training processes.

    Where the memory that processes share is too small for that, fewer make them, or this process by itself; `shortage`
    then says so, else it is empty. Neither the number of workers nor that of processes changes what is in a batch.
    """

    def __init__(
        self,
        frames: Samples,
        draws: ShuffledDraws,
        policy: Policy | None,
        workers: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        size = -(-draws.batch_size // world)
        bytes_of_slot = 4 * size * math.prod(frames.size)  # three channels and the label
        self.workers, ahead = workers_that_fit(workers, bytes_of_slot, free_shared_memory())
        self.shortage = shortage(self.workers, workers)
        num_slots = self.workers * ahead + 1  # those being made, and the one that is in use
        self._draws, self._orders = draws, _Orders(draws, num_slots, rank, world)
        self._slots = _Slots(frames, policy, num_slots, size)
        self._loader: Iterable[_Order] = _Alone(self._slots, self._orders)
        if self.workers:
            self._loader = DataLoader(
                self._slots,
                batch_size=None,
                sampler=self._orders,
                num_workers=self.workers,
                prefetch_factor=ahead,
                persistent_workers=True,  # starting them takes as long as a third of an epoch of 150 frames
                worker_init_fn=_prepare_worker,
            )

    def __len__(self) -> int:
        return len(self._orders)

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from number `first` on; the epoch seeds its order and its augmentation."""
        self._draws.epoch, self._orders.first = epoch, first
        for order in self._loader:
            size = len(order.draws)
            images, labels = self._slots.images[order.slot, :size], self._slots.labels[order.slot, :size]
            yield Batch(images, labels, order.num_frames, tuple(draw.index for draw in order.draws))


class _Alone:
    """Makes batches without other processes."""

    def __init__(self, slots: _Slots, orders: _Orders) -> None:
        self._slots, self._orders, self._is_new = slots, orders, True

    def __iter__(self) -> Iterator[_Order]:
        if self._is_new:  # as a DataLoader does: what dropout draws must not depend on who makes the batches
            torch.empty((), dtype=torch.int64).random_()
            self._is_new = False
        yield from (self._slots[order] for order in self._orders)


def _prepare_worker(_: int) -> None:
    cv2.setNumThreads(0)  # the processes are the parallelism
    # Ctrl-C, timeout and job schedulers reach them as well, and the training still wants its batch; when it ends, so do
    # they
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
