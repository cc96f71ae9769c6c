"""How a network computes: device, precision, the same numbers on every run, and the memory of the process."""

import ctypes
import os
import sys
from collections.abc import Callable
from functools import partial

import torch
from lightning_fabric import Fabric, seed_everything
from torch import Tensor, nn

from roadseg.pipeline.sections import Precision

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of mallopt(3)


def supported_precision(asked: Precision, device: torch.device) -> Precision:
    """Return `asked` where the device computes with it, else `32-true`.

    Emulated half precision is slower than float32 and no more accurate: so a CPU needs bfloat16 instructions
    (AVX512-BF16 or AMX), a GPU compute capability 8.0 for bfloat16; float16 needs a GPU.
    """
    match asked, device.type:
        case "bf16-mixed", "cpu":
            capabilities = torch.cpu.get_capabilities()
            has_it = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
        case "bf16-mixed", "cuda":
            has_it = torch.cuda.is_bf16_supported(including_emulation=False)
        case "16-mixed", "cuda":
            has_it = True
        case _:
            has_it = False
    return asked if has_it else "32-true"


def on_best_device(network: nn.Module, precision: Precision) -> tuple[nn.Module, torch.device]:
    """Return a network on the best device there is, in that precision where the device has it, and the device."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fabric = Fabric(accelerator="auto", devices=1, precision=supported_precision(precision, device))
    return fabric.setup(network.to(memory_format=torch.channels_last)), fabric.device


def depthwise_in_float32(network: nn.Module, precision: Precision, device: torch.device) -> None:
    """Let depthwise convolutions compute in float32 where a CPU trains in bfloat16.

    oneDNN's backward pass of them takes three times as long in bfloat16 as in float32 (efficientnet-b3's 5x5 ones).
    """
    if (precision, device.type) != ("bf16-mixed", "cpu"):
        return
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            module.forward = partial(_in_float32, module.forward)  # type: ignore[method-assign]


def _in_float32(forward: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    with torch.autocast(images.device.type, enabled=False):
        return forward(images.float()).to(images)


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


def reuse_freed_memory() -> None:
    """Let this process keep what it frees and take it again, which on a CPU saves a fifth of each training step.

    By default glibc returns large blocks to the system at once, which then clears every page again for the next
    activation. Does nothing where the C library is another one.
    """
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, -1)
        libc.mallopt(_TOP_PAD, 1 << 28)
