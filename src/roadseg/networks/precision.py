"""Which arithmetic a device has in hardware."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from roadseg.pipeline.sections import Precision


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


def widen_depthwise(network: nn.Module, precision: Precision, device: torch.device) -> None:
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
