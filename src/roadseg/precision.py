"""Which arithmetic a device has in hardware."""

from typing import Literal

import torch

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]  # Lightning Fabric's names


def supported_precision(asked: Precision, device: torch.device) -> Precision:
    """Give `asked` where the device computes with it, else `32-true`.

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
