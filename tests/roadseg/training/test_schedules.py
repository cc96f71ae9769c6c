"""Learning rates against the formulas, epoch by epoch or step by step."""

import math

import pytest
import torch

from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Constant, Cosine, CosineRestarts, Plateau, Poly
from roadseg.training.schedules import build_schedule, poly

LR, EPOCHS, STEPS = 0.1, 8, 4


def rates(row, mious=None):
    """The learning rate at each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    schedule = build_schedule(row, optimizer, EPOCHS, STEPS)
    result = []
    for epoch in range(EPOCHS):
        for _ in range(STEPS):
            result.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.after_step()
        schedule.after_epoch(mious[epoch] if mious else None)
    return result


def of_epochs(values):
    return pytest.approx([value for value in values for _ in range(STEPS)])


def cosine(t, period, eta_min):
    return eta_min + (LR - eta_min) * (1 + math.cos(math.pi * t / period)) / 2


def test_constant():
    assert rates(Constant()) == of_epochs([LR] * EPOCHS)


def test_cosine_steps_once_an_epoch():
    assert rates(Cosine(eta_min=0.01)) == of_epochs([cosine(t, EPOCHS, 0.01) for t in range(EPOCHS)])


def test_cosine_restarts():
    expected = [cosine(t, period, 0.01) for period in (2, 4, 8) for t in range(period)][:EPOCHS]
    assert rates(CosineRestarts(t_0=2, t_mult=2, eta_min=0.01)) == of_epochs(expected)


def test_plateau_waits_for_its_patience():
    mious = [0.1, 0.2, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3]  # no rise in epochs 3, 4 and 5: one more than patience
    assert rates(Plateau(factor=0.5, patience=2), mious) == of_epochs([LR] * 5 + [LR / 2] * 3)


def test_plateau_without_a_miou_is_reported():
    with pytest.raises(
        UserError, match=r"^schedule: plateau needs a validation set, and there is none; set data\.val_fraction$"
    ):
        rates(Plateau(factor=0.5, patience=2))


def test_poly_rises_then_falls_at_each_step():
    total, warm = EPOCHS * STEPS, 2 * STEPS
    expected = [LR * min(1, (s + 1) / warm) * (1 - s / total) ** 0.9 for s in range(total)]
    assert rates(Poly(power=0.9, warmup_epochs=2)) == pytest.approx(expected)
    assert poly(0, 10, 1.0, 0) == 1
    assert poly(10, 10, 1.0, 0) == 0
