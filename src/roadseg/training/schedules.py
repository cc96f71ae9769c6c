"""How the learning rate runs: torch's own schedulers behind two calls, one after each step and one after each epoch."""

from collections.abc import Callable, Mapping
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    LRScheduler,
    ReduceLROnPlateau,
)

from roadseg.errors import UserError


class Schedule:
    """Every schedule moves once an epoch, as the study's did, but `poly`, which moves at each step."""

    def __init__(self, scheduler: LRScheduler, each_step: bool = False) -> None:
        self.scheduler = scheduler
        self.each_step = each_step

    def after_step(self) -> None:
        if self.each_step:
            self.scheduler.step()

    def after_epoch(self, miou: float | None) -> None:
        """`miou` of the selection frames is what `plateau` watches; the others don't look at it."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            if miou is None:
                raise UserError("schedule: plateau watches the mIoU, but no frame is held out; set data.val_fraction")
            self.scheduler.step(miou)
        elif not self.each_step:
            self.scheduler.step()


def build_schedule(
    name: str, settings: Mapping[str, Any], optimizer: Optimizer, epochs: int, steps_per_epoch: int
) -> Schedule:
    """Give the schedule of that name; `settings` are its row of `schedules` in params.yaml."""
    build: dict[str, Callable[..., LRScheduler]] = {
        "constant": lambda: LambdaLR(optimizer, lambda _: 1.0),
        "cosine": lambda eta_min: CosineAnnealingLR(optimizer, T_max=epochs, eta_min=eta_min),
        "cosine_restarts": lambda t_0, t_mult, eta_min: CosineAnnealingWarmRestarts(optimizer, t_0, t_mult, eta_min),
        "plateau": lambda factor, patience: ReduceLROnPlateau(optimizer, "max", factor, patience),
        "poly": lambda power, warmup_epochs: LambdaLR(
            optimizer, lambda step: poly(step, epochs * steps_per_epoch, power, warmup_epochs * steps_per_epoch)
        ),
    }
    if name not in build:
        raise UserError(f"schedule: {name!r} is unknown; there are {', '.join(build)}")
    return Schedule(build[name](**settings), each_step=name == "poly")


def poly(step: int, steps: int, power: float, warmup_steps: float) -> float:
    """The share of the learning rate at a step: (1 - step/steps)^power, times a linear rise over the warm-up."""
    rise = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return rise * max(0.0, 1 - step / steps) ** power
