"""One process or many: who takes part in a training, and sums and batch norms over all of them.

The number of processes does not change the result, except through dropout and drop path, whose draws differ between
processes, and through rounding: several processes sum in a different order.
"""

import os
from typing import Any, cast

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor, nn
from torch.autograd import Function

from roadseg.networks.precision import supported_precision
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import Train
from roadseg.pipeline.sections import Precision


def build_fabric(precision: Precision, num_devices: int) -> Fabric:
    """Return the devices to train on, with the precision asked for, or float32 where they don't support it.

    Under torchrun these are the processes that it started; else `num_devices` GPUs (or CPU processes) of this machine.
    Call `launch` on the result: it starts the other processes. Raises UserError where there are too few GPUs.
    """
    if TorchElasticEnvironment.detect():
        devices, nodes = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["GROUP_WORLD_SIZE"])
    else:
        devices, nodes = num_devices, 1
    gpus = torch.cuda.device_count()
    if gpus and devices > gpus:
        raise UserError(f"{devices} processes on this machine, but it has {gpus} GPUs; start at most one per GPU")
    device = torch.device("cuda" if gpus else "cpu")
    # the statistics of batch norm are the same everywhere already; some encoders have layers that nothing uses
    strategy = DDPStrategy(forward_sync_buffers=False, static_graph=True) if devices * nodes > 1 else "auto"
    return Fabric(
        accelerator="auto",
        strategy=strategy,
        devices=devices,
        num_nodes=nodes,
        precision=supported_precision(precision, device),
    )


def precision_of(fabric: Fabric) -> Precision:
    """Return the precision that a Fabric was built with."""
    return cast(Precision, fabric.strategy.precision.precision)


def device_name(fabric: Fabric) -> str:
    """Return what a training runs on, as far as it decides the result: devices, threads, precision."""
    if fabric.device.type == "cuda":
        name = torch.cuda.get_device_name(fabric.device)
    else:
        threads = torch.get_num_threads()
        name = f"{fabric.device.type} with {threads} thread{'s' if threads > 1 else ''}"
    processes = f"{fabric.world_size} x " if fabric.world_size > 1 else ""
    return f"{processes}{name}, {precision_of(fabric)}"


def local_processes(fabric: Fabric) -> int:
    """Return how many of the processes are on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if TorchElasticEnvironment.detect() else fabric.world_size


def check_shareable(num_frames: int, train: Train, world: int) -> None:
    """Raise UserError where some process would have no frame of a batch, or several would train otherwise than one."""
    smallest = num_frames % train.batch_size or train.batch_size
    if smallest < world:
        raise UserError(
            f"train.batch_size: {train.batch_size} leaves a last batch of {smallest} of {num_frames} frames, "
            f"fewer than the {world} processes; change it or start fewer processes"
        )
    if world > 1 and train.freeze.isdecimal():  # DDP can't take in further parameters once it has begun
        raise UserError(
            f"train.freeze: {train.freeze} epochs can't be shared by {world} processes; start one, or set none or "
            "encoder"
        )


class _SumOverProcesses(Function):
    @staticmethod
    def forward(_: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, grad: Tensor) -> Tensor:
        # each process's result depends on this one's part, so the derivatives of all of them come together
        total = grad.clone()
        dist.all_reduce(total)
        return total


def sum_over_processes(tensor: Tensor) -> Tensor:
    """Add up a tensor of any shape and dtype over the processes, differentiably; with one process return it as it is.

    Where each process computes the same loss from such sums and DDP averages the gradients, the result is the gradient
    of that loss.
    """
    return _SumOverProcesses.apply(tensor) if dist.is_initialized() else tensor


def gather_over_processes(rows: Tensor) -> Tensor:
    """Put together the rows of all processes, (P, ...) of any shape and dtype, differentiably and in rank order.

    Each process may have another number of them. What `sum_over_processes` says of gradients holds; with one process
    the tensor is returned as it is.
    """
    if not dist.is_initialized():
        return rows
    rank, counts = dist.get_rank(), torch.zeros(dist.get_world_size(), dtype=torch.int64, device=rows.device)
    counts[rank] = len(rows)
    ends = sum_over_processes(counts).cumsum(0).tolist()
    whole = rows.new_zeros(ends[-1], *rows.shape[1:])
    return sum_over_processes(whole.slice_scatter(rows, start=ends[rank] - len(rows), end=ends[rank]))


class _SyncedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with the statistics of the whole batch, for processes on CPUs, which torch's own doesn't serve."""

    def forward(self, images: Tensor) -> Tensor:
        if not self.training:
            return super().forward(images)
        wide = images.float()
        local_count = wide.new_tensor([images.numel() / self.num_features])
        totals = sum_over_processes(torch.cat([wide.sum(dim=(0, 2, 3)), local_count]))
        count = totals[-1].detach()
        mean = totals[:-1] / count
        centred = wide - mean[:, None, None]
        variance = sum_over_processes(centred.square().sum(dim=(0, 2, 3))) / count
        with torch.no_grad():
            momentum = self.momentum or 0.0
            self.running_mean.lerp_(mean, momentum)  # type: ignore[union-attr]
            self.running_var.lerp_(variance * count / (count - 1), momentum)  # type: ignore[union-attr]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(images)


def sync_batch_norms(network: nn.Module, device: torch.device) -> nn.Module:
    """Let batch norms take their statistics over all processes; parameters and their names stay.

    Raises UserError for other kinds of batch norm on CPUs.
    """
    if not dist.is_initialized():
        return network
    if device.type == "cuda":
        from timm.layers import convert_sync_batchnorm  # torch's own drops the activation that is part of timm's norms

        return convert_sync_batchnorm(network)
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = _SyncedBatchNorm2d
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            raise UserError(f"this network has {type(module).__name__}; several processes train it on GPUs alone")
    return network
