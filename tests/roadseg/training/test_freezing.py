"""What is frozen stays as it was, to the last bit, and the rest moves."""

import torch
from lightning_fabric import Fabric
from timm.layers import BatchNormAct2d
from torch import nn

from roadseg.frames.batches import Batch
from roadseg.specs import Constant
from roadseg.training.epoch import train_epoch
from roadseg.training.freezing import batch_norms_of
from roadseg.training.losses import build_loss
from roadseg.training.schedules import build_schedule


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1), BatchNormAct2d(2))


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def train_one_epoch(model, still):
    fabric, random = Fabric(accelerator="cpu", devices=1), torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 4, 6, 3), dtype=torch.uint8, generator=random)
    batch = Batch(images, (images[..., 0] > 99).byte(), 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = build_schedule(Constant(), optimizer, 1, 1)
    wrapped, optimizer = fabric.setup(model.eval(), optimizer)  # eval, as the watching of the mIoU leaves it
    train_epoch(fabric, wrapped, [batch], build_loss("ce", 2), optimizer, schedule, None, still)


def test_frozen_batch_norms_keep_their_statistics_and_train_scale_and_shift():
    model = network()
    before = state_of(model)
    assert len(batch_norms_of(model)) == 2
    train_one_epoch(model, batch_norms_of(model))
    after = model.state_dict()
    buffers = [name for name, _ in model.named_buffers()]
    assert len(buffers) == 6
    assert all(after[name].equal(before[name]) for name in buffers)
    assert not any(after[f"1.{name}"].equal(before[f"1.{name}"]) for name in ("weight", "bias"))


def test_other_batch_norms_take_new_statistics():
    model = network()
    before = state_of(model)
    train_one_epoch(model, still=[])
    assert not any(model.state_dict()[name].equal(before[name]) for name, _ in model.named_buffers())
