"""What a network costs: multiply-accumulates by the study's one rule, parameters, and frames a second."""

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import nn

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`torch.jit", category=FutureWarning)
    from fvcore.nn import FlopCountAnalysis

from roadseg.networks.tta import Pass
from roadseg.pipeline.errors import UserError

Item = TypeVar("Item")

_STRIDE = 32  # of the deepest features of most encoders


@dataclass(frozen=True)
class Cost:
    """What one forward pass costs."""

    gflops: float
    counted_at: tuple[int, int]  # height and width that were traced; from another size gflops are scaled by area
    by_operator: dict[str, float]  # GFLOPs at counted_at of each operator, as fvcore calls it
    by_module: dict[str, float]  # share of the total of each top-level module, which sum to 1
    uncounted: dict[str, int]  # operators that fvcore leaves out, and how often each occurs


def count_flops(model: nn.Module, height: int, width: int, input_size: tuple[int, int]) -> Cost:
    """Count `model` in eval mode for one (3, height, width) image; a multiply-accumulate is one FLOP.

    This is the study's rule (docs/study.md, Cost). The size need not be one that the network accepts: the network is
    traced, and smp's check of the sides is not part of the trace. Where even the trace fails, the next larger sides
    that divide by 32 are counted, else `input_size`, and the count is scaled by the area.
    Raises UserError where none of these can be counted.
    """
    padded = (-(-height // _STRIDE) * _STRIDE, -(-width // _STRIDE) * _STRIDE)
    for size in dict.fromkeys([(height, width), padded, input_size]):
        try:
            return _count_at(model, size, (height * width) / (size[0] * size[1]))
        except (RuntimeError, ValueError, AssertionError) as error:  # two maps that don't fit, or a fixed size
            reason = " ".join(str(error).split())[:200]
    raise UserError(f"flops: the network can be counted neither at {height}x{width} nor at its input size ({reason})")


def count_passes(model: nn.Module, passes: Sequence[Pass], input_size: tuple[int, int]) -> float:
    """Count in GFLOPs what a frame's prediction by these passes costs, each at the size of its window.

    Raises UserError where the network can't be counted.
    """
    windows = Counter(p.window for p in passes)
    return sum(times * count_flops(model, *window, input_size).gflops for window, times in windows.items())


def _count_at(model: nn.Module, size: tuple[int, int], scale: float) -> Cost:
    flops = FlopCountAnalysis(model.eval(), torch.randn(1, 3, *size))
    flops.set_op_handle("aten::scaled_dot_product_attention", _fused_attention)  # fvcore would leave it out
    flops.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # fvcore traces with torch.jit, which is deprecated
        total = flops.total()
        by_module, by_operator = flops.by_module(), flops.by_operator()
    shares = {name: by_module[name] / total for name, _ in model.named_children() if by_module[name]}
    operators = {name: count / 1e9 for name, count in sorted(by_operator.items())}
    return Cost(total * scale / 1e9, size, operators, shares, dict(sorted(flops.unsupported_ops().items())))


def _fused_attention(inputs: Sequence[Any], _: Sequence[Any]) -> int:
    """Multiply-accumulates of softmax(Q K^T) V for Q (..., L, E), K (..., S, E) and V (..., S, F), as fvcore asks."""
    query, key, value = (operand.type().sizes() for operand in inputs[:3])
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable values, buffers left out."""
    return sum(parameter.numel() for parameter in model.parameters())


class Timed(Generic[Item]):
    """Hands on what comes from `items`, and measures how long each takes to come, what is done with it left out.

    The first `warm_up` items are not counted: in them memory is laid out and kernels are chosen. Where there are no
    more than these, they are.
    """

    def __init__(self, items: Iterable[Item], warm_up: int, clock: Callable[[], float] = time.perf_counter) -> None:
        """`clock` gives seconds."""
        self.items, self.warm_up, self.clock = items, warm_up, clock
        self.seconds: list[float] = []

    def __iter__(self) -> Iterator[Item]:
        items = iter(self.items)
        while True:
            began = self.clock()
            try:
                item = next(items)
            except StopIteration:
                return
            self.seconds.append(self.clock() - began)
            yield item

    @property
    def per_second(self) -> float:
        counted = self.seconds[self.warm_up :] or self.seconds
        return len(counted) / max(sum(counted), 1e-9)
