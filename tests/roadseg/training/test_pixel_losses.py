"""The further losses against torch's and smp's, and against their formulas written out."""

import math

import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing import spawn
from torch.nn.functional import cross_entropy, one_hot

from roadseg.pipeline.errors import UserError
from roadseg.training.loss_choice import choose_loss
from roadseg.training.pixel_losses import focal, ohem
from roadseg.training.processes import gather_over_processes, sum_over_processes

NAMES = ["ohem", "ce_lovasz", "focal", "ce", "ce_dice"]


def alone(values):
    """What a process has that shares its batch with no other."""
    return values


def sample(seed=0, dtype=torch.float64, ignored=0.2):
    random = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 19, 7, 11, generator=random, dtype=dtype)
    targets = torch.randint(0, 19, (2, 7, 11), generator=random).byte()
    targets[torch.rand(targets.shape, generator=random) < ignored] = 255
    return logits, targets


def loss_of(name, **changes):
    settings = {
        "mask_ignored": True,
        "label_smoothing": 0.0,
        "every": 2,
        "threshold": 0.7,
        "min_share": 1 / 16,
        "gamma": 2.0,
    }
    settings |= {"class_weights": [1.0] * 19, "sum_over_processes": alone, "gather": alone}
    return choose_loss(name, **settings | changes)


def test_the_class_weights_and_the_number_of_classes_reach_the_loss():
    weights = [0.5, 2.0, 1.0]
    logits = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    targets = (torch.arange(70).reshape(2, 5, 7) % 3).byte()
    loss = loss_of("weighted_ce", class_weights=weights, num_classes=3)(logits, targets)
    assert loss.item() == pytest.approx(cross_entropy(logits, targets.long(), torch.tensor(weights).double()).item())
    with pytest.raises(UserError):
        loss_of("weighted_ce", class_weights=weights, num_classes=4)


@pytest.mark.parametrize("name", ["weighted_ce", "ce", "ce_dice"])
def test_every_loss_is_summed_over_the_processes(name):
    logits, targets = sample()
    twice = loss_of(name, sum_over_processes=lambda x: x + x)(logits, targets)  # another process has the same batch
    assert twice.item() == pytest.approx(loss_of(name)(logits, targets).item())
    asked = []
    loss_of(name, sum_over_processes=lambda x: asked.append(1) or x)(logits, targets)
    assert asked


def test_a_single_valid_pixel_counts_as_one():
    targets = torch.tensor([[[0, 255, 255]]])
    for name in ("ce", "focal"):
        loss = loss_of(name, gamma=0.0, num_classes=2, class_weights=[1.0, 1.0])(log_probs(0.6, 0.2, 0.3), targets)
        assert loss.item() == pytest.approx(-math.log(0.6))
    light = loss_of("weighted_ce", num_classes=2, class_weights=[0.25, 1.0])(log_probs(0.6, 0.2, 0.3), targets)
    assert light.item() == pytest.approx(-math.log(0.6))


def log_probs(*probs):
    """Logits (1, 2, 1, P) of pixels whose class 0 has these probabilities."""
    p = torch.tensor(probs, dtype=torch.float64)
    return torch.stack([p, 1 - p]).log()[None, :, None]


def test_ohem_takes_the_pixels_below_the_threshold():
    targets = torch.tensor([[[0, 0, 0, 255]]])
    loss = ohem(log_probs(0.9, 0.6, 0.2, 0.1), targets, 255, threshold=0.7, min_share=1 / 16, gather=alone)
    assert loss.item() == pytest.approx(-(math.log(0.6) + math.log(0.2)) / 2)


def test_ohem_takes_the_hardest_share_where_few_are_below_the_threshold():
    targets = torch.zeros(1, 1, 4, dtype=torch.long)
    easy = log_probs(0.99, 0.9, 0.8, 0.95)
    half, least = (ohem(easy, targets, 255, 0.7, share, alone).item() for share in (0.5, 1 / 16))
    assert half == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2)
    assert least == pytest.approx(-math.log(0.8))


def test_ohem_of_all_pixels_is_the_cross_entropy():
    logits, targets = sample()
    expected = cross_entropy(logits, targets.long(), ignore_index=255)
    assert ohem(logits, targets, 255, 0.7, 1.0, alone).item() == pytest.approx(expected.item())


def test_focal_by_hand_and_without_gamma():
    targets = torch.tensor([[[0, 0, 255]]])
    loss = focal(log_probs(0.5, 0.9, 0.1), targets, 255, 2.0, alone)
    assert loss.item() == pytest.approx(-(0.25 * math.log(0.5) + 0.01 * math.log(0.9)) / 2)
    logits, targets = sample()
    plain = focal(logits, targets, 255, 0.0, alone)
    assert plain.item() == pytest.approx(cross_entropy(logits, targets.long(), ignore_index=255).item())


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing_is_torchs(smoothing):
    logits, targets = sample()
    plain, smooth = (
        cross_entropy(logits, targets.long(), ignore_index=255, label_smoothing=e).item() for e in (0.0, smoothing)
    )
    assert loss_of("ce", label_smoothing=smoothing)(logits, targets).item() == pytest.approx(smooth)
    without, smoothed = (loss_of("ce_dice", label_smoothing=e)(logits, targets).item() for e in (0.0, smoothing))
    assert smoothed - without == pytest.approx(0.5 * (smooth - plain))


def test_label_smoothing_leaves_other_losses():
    logits, targets = sample()
    assert loss_of("dice", label_smoothing=0.5)(logits, targets) == loss_of("dice")(logits, targets)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_derivatives_and_ignored_pixels_have_none(name):
    logits, targets = sample(3)
    logits, targets = logits[:1, :, :3, :4].requires_grad_(), targets[:1, :3, :4]
    loss = loss_of(name, label_smoothing=0.2)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), logits, eps=1e-7, atol=1e-5)
    (gradient,) = torch.autograd.grad(loss(logits, targets), logits)
    assert (targets == 255).any()
    assert gradient.movedim(1, -1)[targets == 255].abs().max() == 0


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_batch_without_a_valid_pixel_gives_zero_and_no_gradient(name):
    logits = torch.randn(1, 19, 2, 2).requires_grad_()
    loss = loss_of(name, label_smoothing=0.2)(logits, torch.full((1, 2, 2), 255))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().max() == 0


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_a_pixel_that_is_right_beyond_rounding_has_a_finite_gradient(gamma):
    logits = (200 * one_hot(torch.tensor([[[1]]]), 2).movedim(-1, 1)).float().requires_grad_()
    focal(logits, torch.tensor([[[1]]]), 255, gamma, lambda x: x).backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", NAMES[:3])
def test_low_precision_logits_are_widened(name):
    logits, targets = sample(dtype=torch.float32)
    low = logits.bfloat16()
    assert loss_of(name)(low, targets).item() == loss_of(name)(low.float(), targets).item()


def half_of_the_batch(rank, world, folder):
    """What a process does that has one of the two frames: it keeps the loss and its part of the gradient."""
    dist.init_process_group("gloo", init_method=f"file://{folder / 'group'}", rank=rank, world_size=world)
    logits, targets = shared_sample()
    for name in ("ohem", "ce_lovasz", "focal"):
        own = logits[rank : rank + 1].clone().requires_grad_()
        loss = loss_of(name, sum_over_processes=sum_over_processes, gather=gather_over_processes)
        value = loss(own, targets[rank : rank + 1])
        value.backward()
        torch.save([value.item(), own.grad / world], folder / f"{name}-{rank}.pt")  # DDP takes the mean
    dist.destroy_process_group()


def shared_sample():
    logits, targets = sample(4)
    targets[0, 2:] = 255  # the frames differ in their number of valid pixels
    return logits, targets


def test_two_processes_have_the_loss_and_the_gradient_of_one(tmp_path):
    spawn(half_of_the_batch, (2, tmp_path), nprocs=2)
    logits, targets = shared_sample()
    for name in ("ohem", "ce_lovasz", "focal"):
        logits.requires_grad_()
        loss = loss_of(name)(logits, targets)
        (gradient,) = torch.autograd.grad(loss, logits)
        values, parts = zip(*(torch.load(tmp_path / f"{name}-{rank}.pt") for rank in range(2)), strict=True)
        assert values == pytest.approx([loss.item()] * 2)
        assert torch.allclose(torch.cat(parts), gradient, rtol=1e-5, atol=1e-9)
