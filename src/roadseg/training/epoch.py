"""One epoch of training, an optimiser by name, and the best weights so far."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.optimizer import ParamsT

from roadseg.frames.batches import Batch
from roadseg.networks.prediction import normalize, upsample_like
from roadseg.pipeline.errors import UserError
from roadseg.training.losses import Loss
from roadseg.training.schedules import Schedule


def build_optimizer(name: str, parameters: ParamsT, lr: float, weight_decay: float) -> Optimizer:
    """Build the optimiser of that name over parameters, or over groups of them, a fused one; `sgd` has momentum 0.9.

    Raises UserError for an unknown name.
    """
    match name:
        case "adam":
            return Adam(parameters, lr, weight_decay=weight_decay, fused=True)
        case "adamw":
            return AdamW(parameters, lr, weight_decay=weight_decay, fused=True)
        case "sgd":
            return SGD(parameters, lr, momentum=0.9, weight_decay=weight_decay, fused=True)
    raise UserError(f"train.optimizer: {name!r} is unknown; choose from adam, adamw, sgd")


def parameter_groups(network: nn.Module, weight_decay: float, decayed: str) -> list[dict[str, Any]]:
    """Return an optimiser's groups for all parameters.

    `decayed` is all, or weights: then tensors of one dimension, biases and the scales and shifts of norms, have no
    weight decay.
    """
    groups: dict[float, dict[str, Any]] = {}
    for parameter in network.parameters():
        decay = weight_decay if decayed == "all" or parameter.ndim > 1 else 0.0
        groups.setdefault(decay, {"params": [], "weight_decay": decay})["params"].append(parameter)
    return list(groups.values())


@dataclass
class Sums:
    """What the batches of an epoch add up to so far."""

    batches: int = 0
    loss: float = 0.0  # each batch's, times its weight
    weight: float = 0.0
    lr: float | None = None  # at the first batch

    @property
    def mean(self) -> float:
        return self.loss / self.weight


def train_epoch(
    fabric: Fabric,
    model: nn.Module,
    batches: Iterable[Batch],
    loss_of: Loss,
    optimizer: Optimizer,
    schedule: Schedule,
    full_batch: int | None,
    still: Sequence[nn.Module] = (),
    clip: float = 0.0,
    after_step: Callable[[], None] = lambda: None,
    sums: Sums | None = None,
    name_of: Callable[[int], str] = str,
) -> float:
    """Take one step per batch and return the epoch's mean loss.

    A batch counts by its share of `full_batch` frames, in its step and in the mean; None counts each batch as one.
    The modules in `still` are in eval mode all the while. Where the norm of the whole gradient exceeds `clip`, the
    gradient is scaled down to it (Pascanu et al., ICML 2013); 0 leaves it as it is. `after_step` is called after each.
    `sums`
    are those of batches that have been taken before, and grow with each. `name_of` names a frame by its index.
    Raises UserError, which names the batch's frames, where the loss is infinite or not a number.
    """
    sums = Sums() if sums is None else sums
    sums.lr = schedule.lr if sums.lr is None else sums.lr
    model.train()
    for module in still:
        module.eval()
    for batch in batches:
        weight = batch.num_frames / full_batch if full_batch else 1.0
        loss = _loss_of_batch(fabric, model, batch, loss_of)
        optimizer.zero_grad()
        fabric.backward(weight * loss)
        if clip:
            # a gradient that is no number shows in the loss, or the scaler of float16 leaves the step out
            fabric.clip_gradients(model, optimizer, max_norm=clip, error_if_nonfinite=False)
        lr = schedule.lr
        optimizer.step()
        schedule.after_step()
        after_step()
        value = loss.item()  # waits for the device, so it comes after all that can be queued on it
        if not math.isfinite(value):
            raise UserError(_told(value, lr, map(name_of, batch.indices)))
        sums.batches += 1
        sums.loss += weight * value
        sums.weight += weight
    return sums.mean


def _loss_of_batch(fabric: Fabric, model: nn.Module, batch: Batch, loss_of: Loss) -> Tensor:
    logits = model(normalize(batch.images.to(fabric.device)))
    labels = batch.labels.to(fabric.device)
    return loss_of(upsample_like(logits, labels), labels)


def _told(loss: float, lr: float, names: Iterable[str]) -> str:
    return (
        f"the training loss became {loss} at a learning rate of {lr:.3g}, in a batch of {', '.join(names)}; lower "
        "train.lr, set train.clip, choose another loss, or look at these frames"
    )


@dataclass
class Best:
    """The weights of the epoch of highest mIoU (the first of equals), or of the last epoch where none is given."""

    epoch: int = 0
    miou: float | None = None
    weights: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, epoch: int, miou: float | None, network: nn.Module) -> None:
        """Keep a copy of the network's weights if its mIoU is higher than the best so far, or None."""
        if miou is None or self.miou is None or miou > self.miou:
            self.epoch, self.miou = epoch, miou
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
