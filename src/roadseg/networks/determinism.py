"""The same numbers on every run on one machine."""

import os

import torch
from lightning_fabric import seed_everything


def make_deterministic(seed: int = 0) -> None:
    """Seed every generator and take deterministic kernels: on one machine two runs are bit-equal.

    On CUDA a few operators have no deterministic kernel; torch then warns and runs the other one.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read by cuBLAS at its first call
    seed_everything(seed, verbose=False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time, checks nothing


def use_threads(threads: str) -> None:
    """Compute with this number of threads, whatever the machine's cores; `machine`: as many as torch takes by itself.

    On a CPU sums are split among the threads, so their number decides how a result is rounded.
    """
    if threads != "machine":
        torch.set_num_threads(int(threads))
