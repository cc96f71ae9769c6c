"""Training batches whose order and augmentation depend on the seed, the epoch and the frame, not on any process."""

import math
import shutil
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from roadseg.errors import UserError
from roadseg.frames.augment import Policy, seed_policy
from roadseg.frames.mixing import Further, draws_of, frames_of_epoch

_SHARED_MEMORY = Path("/dev/shm")  # on Linux
_MARGIN = 1 << 20  # bytes for the queues between the processes
_MADE_AHEAD = 2  # batches by each worker, torch's own default


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

    `num_frames` counts the main frames; those of `further` data stand behind them and are mixed in by their shares.

    `fresh` draws differ by epoch and frame. `frozen` repeats the study's fault (docs/study.md, Faults): two workers
    take batches in turn, and each starts every epoch with the same draws.
    """

    def __init__(self, num_frames: int, batch_size: int, seed: int, kind: str, further: Sequence[Further] = ()) -> None:
        self.num_frames, self.batch_size, self.seed, self.kind = num_frames, batch_size, seed, kind
        self.further = further
        self.num_draws = num_frames + sum(draws_of(num_frames, further))  # in an epoch
        self.epoch = 0

    def __len__(self) -> int:
        return -(-self.num_draws // self.batch_size)

    def __iter__(self) -> Iterator[list[Draw]]:
        frames = frames_of_epoch(self.num_frames, self.further, self.seed, self.epoch)
        order = frames[np.random.default_rng([self.seed, self.epoch]).permutation(self.num_draws)]
        for batch in range(len(self)):
            rows = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [Draw(int(index), self._key(batch, place, index, again)) for place, (index, again) in enumerate(rows)]

    def _key(self, batch: int, place: int, index: int, again: int) -> str:
        if self.kind == "fresh":
            return f"{self.seed}/{self.epoch}/{index}" + (f"/{again}" if again else "")
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
    """Makes batches in memory that the worker processes share with the one that trains.

    Handing over a new tensor for each batch costs as much time as augmenting it.
    """

    def __init__(self, frames: Samples, policy: Policy | None, num_slots: int, batch_size: int) -> None:
        self.frames, self.policy = frames, policy
        shape = num_slots, batch_size, *frames.size
        _check_shared_memory(4 * math.prod(shape))  # three channels and the label
        self.images = torch.empty((*shape, 3), dtype=torch.uint8).share_memory_()
        self.labels = torch.empty(shape, dtype=torch.uint8).share_memory_()

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

    Neither the number of workers nor that of processes changes what is in a batch.
    Raises UserError where the system has too little memory that processes can share.
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
        self._draws = draws
        num_slots = workers * _MADE_AHEAD + 1  # those being made, and the one that is in use
        self._orders = _Orders(draws, num_slots, rank, world)
        self._slots = _Slots(frames, policy, num_slots, -(-draws.batch_size // world))
        self._loader = DataLoader(
            self._slots,
            batch_size=None,
            sampler=self._orders,
            num_workers=workers,
            prefetch_factor=_MADE_AHEAD,
            persistent_workers=True,  # starting them takes as long as a third of an epoch of 150 frames
            worker_init_fn=_prepare_worker,
        )

    def __len__(self) -> int:
        return len(self._loader)

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from number `first` on; the epoch seeds its order and its augmentation."""
        self._draws.epoch, self._orders.first = epoch, first
        for order in self._loader:
            size = len(order.draws)
            images, labels = self._slots.images[order.slot, :size], self._slots.labels[order.slot, :size]
            yield Batch(images, labels, order.num_frames, tuple(draw.index for draw in order.draws))


def _check_shared_memory(needed: int) -> None:
    """Raise UserError where the memory that processes share is too small: writing to it would kill a worker."""
    if not _SHARED_MEMORY.is_dir():
        return
    free = shutil.disk_usage(_SHARED_MEMORY).free
    if free < needed + _MARGIN:
        raise UserError(
            f"{_SHARED_MEMORY} has {free >> 20} MiB free, but the loader's batches take {needed >> 20} MiB; "
            "in a container start it with --shm-size=1g, else lower ROADSEG_WORKERS, train.batch_size or the size of "
            "the input or the crops"
        )


def _prepare_worker(_: int) -> None:
    cv2.setNumThreads(0)  # the processes are the parallelism
    # a Ctrl-C reaches them as well, and the training still wants its batch; it then ends them by SIGTERM
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
