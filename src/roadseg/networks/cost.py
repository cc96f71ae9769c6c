"""What a network costs by the study's one rule: fvcore's count of multiply-accumulates for one image."""

import warnings
from dataclasses import dataclass

import torch
from torch import nn

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`torch.jit", category=FutureWarning)
    from fvcore.nn import FlopCountAnalysis


@dataclass(frozen=True)
class Cost:
    """What one forward pass costs."""

    gflops: float
    by_module: dict[str, float]  # share of the total of each top-level module, which sum to 1
    uncounted: dict[str, int]  # operators that fvcore leaves out, and how often each occurs


def count_flops(model: nn.Module, height: int, width: int) -> Cost:
    """Count `model` in eval mode for one (3, height, width) image; a multiply-accumulate is one FLOP.

    This is the study's rule (docs/study.md, Cost). The size need not be one that the network accepts: the network is
    traced, and smp's check of the sides is not part of the trace.
    """
    flops = FlopCountAnalysis(model.eval(), torch.randn(1, 3, height, width))
    flops.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # fvcore traces with torch.jit, which is deprecated
        total = flops.total()
        by_module = flops.by_module()
    shares = {name: by_module[name] / total for name, _ in model.named_children() if by_module[name]}
    return Cost(total / 1e9, shares, dict(sorted(flops.unsupported_ops().items())))


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable values, buffers left out."""
    return sum(parameter.numel() for parameter in model.parameters())
