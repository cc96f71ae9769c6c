"""Training batches whose order and augmentation depend on the seed, the epoch and the frame, not on any process."""

import math
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from roadseg.frames.augment import TrainingFrames

_SHARED_MEMORY = Path("/dev/shm")  # on Linux
_MARGIN = 1 << 20  # bytes for the queues between the processes
_PREFETCHED = 2  # batches by each worker, torch's own default


@dataclass(frozen=True)
class Sample:
    """A frame of an epoch: its index, and the key that seeds its augmentation."""

    index: int
    key: str


@dataclass(frozen=True)
class Batch:
    """One process's share of a batch. The tensors are overwritten once the next batch is asked for."""

    images: Tensor  # (B, H, W, 3) uint8 RGB
    labels: Tensor  # (B, H, W) uint8
    num_frames: int  # of the whole batch, over all processes
    indices: tuple[int, ...] = ()  # of the frames


class BatchSampler(Sampler[list[Sample]]):
    """Every frame once an epoch in a new order, in batches.

    `fresh` draws differ by epoch and frame. `frozen` repeats the study's fault (docs/study.md, Faults): two workers
    take batches in turn, and each starts every epoch with the same draws.
    """

    def __init__(self, num_frames: int, batch_size: int, seed: int, kind: str) -> None:
        self.num_frames, self.batch_size, self.seed, self.kind = num_frames, batch_size, seed, kind
        self.epoch = 0

    def __len__(self) -> int:
        return -(-self.num_frames // self.batch_size)

    def __iter__(self) -> Iterator[list[Sample]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.num_frames)
        for batch in range(len(self)):
            indices = order[batch * self.batch_size : (batch + 1) * self.batch_size]
            yield [Sample(int(index), self._key(batch, place, index)) for place, index in enumerate(indices)]

    def _key(self, batch: int, place: int, index: int) -> str:
        if self.kind == "fresh":
            return f"{self.seed}/{self.epoch}/{index}"
        return f"{self.seed}/{batch // 2 * self.batch_size + place}"


class Batches:
    """One process's batches, made by `workers` loader processes; it is number `rank` of `world` training processes.

    Where the memory that processes share is too small for that, fewer make them, or this process by itself; `shortage`
    then says so, else it is empty. Neither the number of workers nor that of processes changes what is in a batch.
    """

    def __init__(
        self, frames: TrainingFrames, sampler: BatchSampler, workers: int, rank: int = 0, world: int = 1
    ) -> None:
        size = -(-sampler.batch_size // world)
        bytes_of_batch = 4 * size * math.prod(frames.size)  # three channels and the label
        self.workers, prefetched = workers_that_fit(workers, bytes_of_batch, free_shared_memory())
        self.shortage = _shortage(self.workers, workers)
        num_buffers = self.workers * prefetched + 1  # those being made, and the one that is in use
        self._sampler, self._share = sampler, _ShareOfBatches(sampler, num_buffers, rank, world)
        self._buffers = _Buffers(frames, num_buffers, size)
        self._loader: Iterable[_Filled] = _WithoutWorkers(self._buffers, self._share)
        if self.workers:
            self._loader = DataLoader(
                self._buffers,
                batch_size=None,
                sampler=self._share,
                num_workers=self.workers,
                prefetch_factor=prefetched,
                persistent_workers=True,  # starting them takes as long as a third of an epoch of 150 frames
                worker_init_fn=_prepare_worker,
            )

    def __len__(self) -> int:
        return len(self._sampler)

    def of_epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from number `first` on; the epoch seeds its order and its augmentation."""
        self._sampler.epoch, self._share.first = epoch, first
        for filled in self._loader:
            size = len(filled.samples)
            images, labels = self._buffers.images[filled.buffer, :size], self._buffers.labels[filled.buffer, :size]
            yield Batch(images, labels, filled.num_frames, tuple(sample.index for sample in filled.samples))


@dataclass(frozen=True)
class _Filled:
    """Which samples go, or have gone, into which buffer."""

    buffer: int
    samples: list[Sample]
    num_frames: int  # of the whole batch, over all processes


class _ShareOfBatches(Sampler[_Filled]):
    """The share of process `rank` of `world` in each batch: every world-th of its frames."""

    def __init__(self, sampler: BatchSampler, num_buffers: int, rank: int, world: int) -> None:
        self.sampler, self.num_buffers, self.rank, self.world = sampler, num_buffers, rank, world
        self.first = 0  # the number of the first batch to be made

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[_Filled]:
        for number, batch in enumerate(islice(self.sampler, self.first, None)):
            yield _Filled(number % self.num_buffers, batch[self.rank :: self.world], len(batch))


class _Buffers(Dataset[_Filled]):
    """Makes batches in memory that the worker processes share with the one that trains; one buffer is not shared.

    Handing over a new tensor for each batch costs as much time as augmenting it.
    """

    def __init__(self, frames: TrainingFrames, num_buffers: int, batch_size: int) -> None:
        self.frames = frames
        shape = num_buffers, batch_size, *frames.size
        self.images = torch.empty((*shape, 3), dtype=torch.uint8)
        self.labels = torch.empty(shape, dtype=torch.uint8)
        if num_buffers > 1:
            self.images, self.labels = self.images.share_memory_(), self.labels.share_memory_()

    def __getitem__(self, asked: _Filled) -> _Filled:
        images, labels = self.images[asked.buffer].numpy(), self.labels[asked.buffer].numpy()
        for place, sample in enumerate(asked.samples):
            images[place], labels[place] = self.frames.sample(sample.index, sample.key)
        return asked


class _WithoutWorkers:
    """Makes batches without other processes."""

    def __init__(self, buffers: _Buffers, share: _ShareOfBatches) -> None:
        self._buffers, self._share, self._is_new = buffers, share, True

    def __iter__(self) -> Iterator[_Filled]:
        if self._is_new:  # as a DataLoader does: what dropout draws must not depend on who makes the batches
            torch.empty((), dtype=torch.int64).random_()
            self._is_new = False
        yield from (self._buffers[asked] for asked in self._share)


def _prepare_worker(_: int) -> None:
    cv2.setNumThreads(0)  # the processes are the parallelism
    # Ctrl-C, timeout and job schedulers reach them as well, and the training still wants its batch; when it ends, so do
    # they
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def free_shared_memory() -> int | None:
    """Return the bytes of memory that processes can share; None where the system does not set them apart."""
    if not _SHARED_MEMORY.is_dir():
        return 0 if sys.platform == "linux" else None
    return shutil.disk_usage(_SHARED_MEMORY).free if os.access(_SHARED_MEMORY, os.W_OK) else 0


def workers_that_fit(workers: int, bytes_of_batch: int, free: int | None) -> tuple[int, int]:
    """Return how many workers, and prefetched batches of each, have room in `free` bytes: more would be killed."""
    if free is None:
        return workers, _PREFETCHED
    choices = ((number, prefetched) for number in range(workers, 0, -1) for prefetched in range(_PREFETCHED, 0, -1))
    fitting = ((n, prefetched) for n, prefetched in choices if (n * prefetched + 1) * bytes_of_batch + _MARGIN <= free)
    return next(fitting, (0, 0))


def _shortage(fit: int, workers: int) -> str:
    """Return what is said where fewer workers fit than there should be; else it is empty."""
    if fit >= workers:
        return ""
    who = f"{fit} of {workers} loader processes make" if fit else "the training makes"
    return (
        f"{_SHARED_MEMORY} has too little room: {who} the batches, slower and with the same result; in a container "
        "start it with --shm-size=1g"
    )
