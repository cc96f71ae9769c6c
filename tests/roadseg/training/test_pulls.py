"""Pulls towards the start against values worked out by hand and torch's own divergence."""

import copy

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.functional import kl_div

from roadseg.frames.batches import Batch
from roadseg.networks.precision import widen_depthwise
from roadseg.networks.prediction import normalize
from roadseg.pipeline.sections import Constant
from roadseg.training.averaging import copy_of
from roadseg.training.epoch import train_epoch
from roadseg.training.losses import build_loss
from roadseg.training.pulls import build_pull, mean_divergence, squared_distance
from roadseg.training.schedules import build_schedule


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 5, 1))


def test_the_distance_is_over_the_parameters_that_the_start_holds():
    model = nn.Linear(2, 1)
    start = copy_of(model)
    with torch.no_grad():
        model.weight += torch.tensor([[3.0, 4.0]])
        model.bias += 2.0
    assert squared_distance(model, start).item() == pytest.approx(9 + 16 + 4)
    del start["bias"]
    distance = squared_distance(model, start)
    assert distance.item() == pytest.approx(25)
    assert torch.autograd.grad(distance, model.weight)[0].tolist() == [[pytest.approx(6), pytest.approx(8)]]


def test_the_divergence_is_torchs_over_all_pixels():
    kept, logits = (torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(i)) for i in range(2))
    expected = kl_div(logits.log_softmax(1), kept.log_softmax(1), reduction="sum", log_target=True) / (2 * 3 * 4)
    assert mean_divergence(kept, logits).item() == pytest.approx(expected.item())
    assert mean_divergence(kept, kept + 7).item() == pytest.approx(0, abs=1e-6)


def test_the_divergence_by_hand():
    # from 1/2, 1/2 to 3/4, 1/4: 1/2 log(2/3) + 1/2 log 2
    kept, logits = torch.zeros(1, 2, 1, 1), torch.tensor([3.0, 1.0]).log().view(1, 2, 1, 1)
    assert mean_divergence(kept, logits).item() == pytest.approx(0.5 * torch.log(torch.tensor(4 / 3)).item())


def test_both_pulls_are_added_up_and_the_reference_stays():
    fabric, model, images = Fabric(accelerator="cpu", devices=1), network(), torch.randn(2, 3, 4, 4)
    start = copy_of(model)
    pull = build_pull(fabric, model, start, l2_sp=0.5, keep_logits=2.0)
    untouched = copy.deepcopy(model).eval()(images)
    with torch.no_grad():
        model[0].weight += 1.0
    logits = model.train()(images)
    expected = 0.25 * model[0].weight.numel() + 2.0 * mean_divergence(untouched, logits).item()
    assert pull(images, logits).item() == pytest.approx(expected, rel=1e-5)
    assert build_pull(fabric, model, start, 0.0, 0.0) is None


def test_a_step_takes_the_pulls_gradient():
    fabric, model, start = Fabric(accelerator="cpu", devices=1), nn.Conv2d(3, 2, 1), {"weight": torch.zeros(2, 3, 1, 1)}
    before = model.weight.detach().clone()
    blank = Batch(torch.zeros(1, 2, 2, 3, dtype=torch.uint8), torch.full((1, 2, 2), 255, dtype=torch.uint8), 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = build_schedule(Constant(), optimizer, 1, 1)
    wrapped, optimizer = fabric.setup(model, optimizer)
    pull = build_pull(fabric, model, start, l2_sp=2.0, keep_logits=0.0)
    loss = train_epoch(fabric, wrapped, [blank], build_loss("ce", 2), optimizer, schedule, None, pull=pull)
    assert torch.allclose(model.weight, before - 0.1 * 2.0 * before)
    assert loss == pytest.approx(before.square().sum().item())


def test_the_reference_of_a_widened_network_has_its_own_depthwise_weights():
    fabric, device = Fabric(accelerator="cpu", devices=1), torch.device("cpu")
    model = nn.Conv2d(3, 3, 1, groups=3)
    widen_depthwise(model, "bf16-mixed", device)
    images = normalize(torch.randint(0, 256, (1, 4, 4, 3), dtype=torch.uint8))
    pull = build_pull(fabric, model, {}, l2_sp=0.0, keep_logits=1.0)
    nn.init.zeros_(model.weight)
    assert pull(images, model(images)).item() > 0.001
