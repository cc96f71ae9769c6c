"""What a teacher adds to the loss, against torch's own losses and values worked out by hand."""

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, kl_div

from roadseg.training.teacher import cross_entropy_where_sure, teacher_pull


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_only_sure_pixels_count():
    taught, logits = 3 * random(2, 5, 6, 7), random(2, 5, 6, 7, seed=1)
    highest, classes = taught.softmax(1).max(1)
    targets = classes.masked_fill(highest <= 0.8, -100)
    assert 0 < (targets >= 0).float().mean() < 1
    found = cross_entropy_where_sure(taught, logits, 0.8)
    assert found.item() == pytest.approx(cross_entropy(logits, targets, ignore_index=-100).item())


def test_the_cross_entropy_by_hand():
    # the first pixel's teacher is sure of class 1 (3/4), the second's of none (1/2)
    taught = torch.tensor([[1.0, 1.0], [3.0, 1.0]]).log().reshape(1, 2, 1, 2)
    logits = torch.tensor([[1.0, 1.0], [1.0, 9.0]]).log().reshape(1, 2, 1, 2)
    assert cross_entropy_where_sure(taught, logits, 0.7).item() == pytest.approx(0.6931472)
    logits.requires_grad_()
    unsure = cross_entropy_where_sure(taught, logits, 0.8)
    unsure.backward()
    assert unsure.item() == 0
    assert logits.grad.abs().sum() == 0


@pytest.mark.parametrize("labels", ["soft", "hard"])
def test_a_teacher_of_another_resolution(labels):
    fabric = Fabric(accelerator="cpu", devices=1)
    teacher = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), nn.BatchNorm2d(4))
    images, logits = random(2, 3, 8, 8), random(2, 4, 8, 8, seed=1).requires_grad_()
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    found = teacher_pull(fabric, teacher, 0.5, labels, confidence=0.3)(images, logits)
    taught = interpolate(teacher(images), size=(8, 8), mode="bilinear", align_corners=False).detach()
    if labels == "soft":
        total = kl_div(logits.log_softmax(1), taught.log_softmax(1), reduction="sum", log_target=True)
        expected = total / (2 * 8 * 8)
    else:
        expected = cross_entropy_where_sure(taught, logits, 0.3)
    assert found.item() == pytest.approx(0.5 * expected.item(), rel=1e-5)
    found.backward()
    assert logits.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(teacher.state_dict()[name].equal(tensor) for name, tensor in before.items())
