"""One epoch of training, an optimiser by name, and the best weights so far."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from roadseg.errors import UserError
from roadseg.frames.batches import Batch
from roadseg.networks.prediction import normalize
from roadseg.training.losses import Loss
from roadseg.training.schedules import Schedule


def build_optimizer(name: str, model: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """Give the optimiser of that name over all parameters, a fused one; `sgd` has momentum 0.9."""
    match name:
        case "adam":
            return Adam(model.parameters(), lr, weight_decay=weight_decay, fused=True)
        case "adamw":
            return AdamW(model.parameters(), lr, weight_decay=weight_decay, fused=True)
        case "sgd":
            return SGD(model.parameters(), lr, momentum=0.9, weight_decay=weight_decay, fused=True)
    raise UserError(f"train.optimizer: {name!r} is unknown; there are adam, adamw, sgd")


def compile_network(network: nn.Module, device: torch.device) -> None:
    """Let torch.compile make the network's kernels at its first steps; UserError where it can make none here."""
    try:
        torch.compile(torch.neg)(torch.ones(8, device=device))
    except RuntimeError as error:
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise UserError(f"train.compile: torch.compile fails here ({reason}); set it to false, or mend that") from None
    network.compile()


def train_epoch(
    fabric: Fabric,
    model: nn.Module,
    batches: Iterable[Batch],
    loss_of: Loss,
    optimizer: Optimizer,
    schedule: Schedule,
    full_batch: int | None,
) -> float:
    """Take one step a batch and return the epoch's mean loss.

    A batch counts by its share of `full_batch` frames, in its step and in the mean; None counts each batch as one.
    Raises UserError where the loss is no longer a number.
    """
    model.train()
    loss_sum, weight_sum = 0.0, 0.0
    for batch in batches:
        weight = batch.num_frames / full_batch if full_batch else 1.0
        logits = model(normalize(batch.images.to(fabric.device)))
        loss = loss_of(logits, batch.labels.to(fabric.device))
        optimizer.zero_grad()
        fabric.backward(weight * loss)
        optimizer.step()
        schedule.after_step()
        value = loss.item()
        if not math.isfinite(value):
            raise UserError(f"the training loss became {value}; lower train.lr or choose another loss")
        loss_sum += weight * value
        weight_sum += weight
    return loss_sum / weight_sum


@dataclass
class Best:
    """The weights of the epoch of highest mIoU (the first of equals), or of the last epoch where none is given."""

    epoch: int = 0
    miou: float | None = None
    weights: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, epoch: int, miou: float | None, network: nn.Module) -> None:
        if miou is None or self.miou is None or miou > self.miou:
            self.epoch, self.miou = epoch, miou
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
