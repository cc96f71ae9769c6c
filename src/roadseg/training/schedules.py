"""How the learning rate runs: torch's own schedulers behind two calls, one after each step and one after each epoch."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    LambdaLR,
    LRScheduler,
    ReduceLROnPlateau,
)

from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Constant, Cosine, CosineRestarts, Plateau, Poly

Row = Constant | Cosine | CosineRestarts | Plateau | Poly


class Schedule:
    """Every schedule moves once an epoch, as the study's did, except `poly`, which moves at each step."""

    def __init__(self, scheduler: LRScheduler, each_step: bool = False) -> None:
        self.scheduler = scheduler
        self.each_step = each_step

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        rate: float = self.scheduler.optimizer.param_groups[0]["lr"]
        return rate

    def after_step(self) -> None:
        if self.each_step:
            self.scheduler.step()

    def after_epoch(self, miou: float | None) -> None:
        """Move on; `miou` is that of the validation set, and UserError where `plateau` has none."""
        if isinstance(self.scheduler, ReduceLROnPlateau):
            if miou is None:
                raise UserError("schedule: plateau needs a validation set, and there is none; set data.val_fraction")
            self.scheduler.step(miou)
        elif not self.each_step:
            self.scheduler.step()


def build_schedule(row: Row, optimizer: Optimizer, epochs: int, steps_per_epoch: int) -> Schedule:
    """Build the schedule that a row of the schedules describes."""
    match row:
        case Constant():
            return Schedule(LambdaLR(optimizer, lambda _: 1.0))
        case Cosine():
            return Schedule(CosineAnnealingLR(optimizer, T_max=epochs, eta_min=row.eta_min))
        case CosineRestarts():
            return Schedule(CosineAnnealingWarmRestarts(optimizer, row.t_0, row.t_mult, row.eta_min))
        case Plateau():
            return Schedule(ReduceLROnPlateau(optimizer, "max", row.factor, row.patience))
        case Poly():
            steps, warmup = epochs * steps_per_epoch, row.warmup_epochs * steps_per_epoch
            return Schedule(LambdaLR(optimizer, lambda step: poly(step, steps, row.power, warmup)), each_step=True)


def poly(step: int, steps: int, power: float, warmup_steps: float) -> float:
    """Return the share of the learning rate at a step: (1 - step/steps)^power, times a linear rise over the warm-up."""
    rise = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return rise * max(0.0, 1 - step / steps) ** power
