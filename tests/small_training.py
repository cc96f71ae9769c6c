"""A training of a network of a few weights, for tests of the loop and of what it is made of."""

from lightning_fabric import Fabric

import train
from roadseg.pipeline.params import Train
from roadseg.pipeline.sections import Constant
from roadseg.training.averaging import AveragedWeights
from roadseg.training.losses import build_loss
from roadseg.training.preparation import Frozen
from roadseg.training.schedules import build_schedule
from roadseg.training.state import Training

PLAIN = {
    "epochs": 1,
    "batch_size": 2,
    "lr": 0.1,
    "weight_decay": 0.0,
    "optimizer": "sgd",
    "select": "last",
    "short_batch": "by_frames",
    "batch_norm": "train",
    "clip": 0.0,
    "decay": "all",
    "freeze": "none",
}


def small_training(network, row=None, batches=1, decay=0.0, share=0.0, classes=2, **changes):
    """A training of `network` in this process with its weights as the start, ready for its first step."""
    section, fabric = Train.model_construct(**PLAIN | changes), Fabric(accelerator="cpu", devices=1)
    optimizer = train.build_optimizer(section, network)
    schedule = build_schedule(row or Constant(), optimizer, max(section.epochs, 1), batches)
    model, optimizer = fabric.setup(network, optimizer)
    averaged = AveragedWeights(network, decay, network.state_dict(), share)
    frozen, loss_of = Frozen(network, section), build_loss("ce", classes)
    return Training(section, fabric, [], network, model, frozen, loss_of, optimizer, schedule, averaged)
