"""One epoch of training, an optimiser by name, and the best weights so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from roadseg.errors import UserError
from roadseg.losses import Loss
from roadseg.prediction import normalize
from roadseg.schedules import Schedule


def build_optimizer(name: str, model: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """Give the optimiser of that name over all parameters; `sgd` has momentum 0.9."""
    match name:
        case "adam":
            return Adam(model.parameters(), lr, weight_decay=weight_decay)
        case "adamw":
            return AdamW(model.parameters(), lr, weight_decay=weight_decay)
        case "sgd":
            return SGD(model.parameters(), lr, momentum=0.9, weight_decay=weight_decay)
    raise UserError(f"train.optimizer: {name!r} is unknown; there are adam, adamw, sgd")


def train_epoch(
    fabric: Fabric,
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    loss_of: Loss,
    optimizer: Optimizer,
    schedule: Schedule,
    full_batch: int | None,
) -> float:
    """Take one step a batch of (images, labels) uint8 and return the epoch's mean loss.

    A batch counts by its share of `full_batch` frames, in its step and in the mean; None counts each batch as one.
    Raises UserError where the loss is no longer a number.
    """
    model.train()
    loss_sum, weight_sum = 0.0, 0.0
    for images, labels in batches:
        weight = len(images) / full_batch if full_batch else 1.0
        loss = loss_of(model(normalize(images)), labels)
        optimizer.zero_grad()
        fabric.backward(weight * loss)
        optimizer.step()
        schedule.after_step()
        if not torch.isfinite(loss):
            raise UserError(f"the training loss became {loss.item()}; lower train.lr or choose another loss")
        loss_sum += weight * loss.item()
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
