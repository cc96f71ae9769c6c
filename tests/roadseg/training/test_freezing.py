"""What is frozen stays as it was, to the last bit, and the rest moves."""

import pytest
import torch
from lightning_fabric import Fabric
from timm.layers import BatchNormAct2d
from torch import nn

from roadseg.frames.batches import Batch
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Constant
from roadseg.training.epoch import train_epoch
from roadseg.training.freezing import Frozen, batch_norms_of
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


class EncoderAndHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.head = nn.Sequential(nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2))

    def forward(self, images):
        return self.head(self.encoder(images))


def moved(model, before):
    return {name for name, tensor in model.state_dict().items() if not tensor.equal(before[name])}


@pytest.mark.parametrize(("freeze", "epochs_frozen"), [("encoder", 3), ("2", 2), ("none", 0)])
def test_a_frozen_encoder_stays_in_all_of_its_tensors(freeze, epochs_frozen):
    model = EncoderAndHead()
    frozen = Frozen(model, "train", freeze)
    everything = set(model.state_dict())
    head = {name for name in everything if name.startswith("head.")}
    for epoch in (1, 2, 3):
        before = state_of(model)
        train_one_epoch(model, frozen.in_epoch(epoch))
        assert moved(model, before) - {"encoder.0.bias", "head.0.bias"} == (
            head if epoch <= epochs_frozen else everything
        ) - {"encoder.0.bias", "head.0.bias"}  # a norm takes away the bias before it, up to rounding


def test_what_stays_of_both_kinds():
    model = EncoderAndHead()
    frozen = Frozen(model, "frozen", "1")
    assert frozen.in_epoch(1) == [model.encoder[1], model.head[1], model.encoder]
    assert frozen.in_epoch(2) == [model.encoder[1], model.head[1]]


def test_a_network_without_an_encoder_cannot_freeze_it():
    with pytest.raises(UserError, match=r"train\.freeze: 3 is about the encoder, but Sequential has none"):
        Frozen(network(), "train", "3")


def test_other_batch_norms_take_new_statistics():
    model = network()
    before = state_of(model)
    train_one_epoch(model, still=[])
    assert not any(model.state_dict()[name].equal(before[name]) for name, _ in model.named_buffers())
