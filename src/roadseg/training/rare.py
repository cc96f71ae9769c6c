"""The trained weights, with what rare classes have lost given back to their logits."""

from collections.abc import Mapping

from lightning_fabric import Fabric
from torch import Tensor

from roadseg.frames.store import load_frames
from roadseg.pipeline import paths
from roadseg.pipeline.machine import store_folder
from roadseg.pipeline.params import Params
from roadseg.pipeline.stage import read_json
from roadseg.training.data import Data
from roadseg.training.parts import starting_network
from roadseg.training.rare_classes import bias_of_logits, mean_beliefs, rise_of_rare
from roadseg.training.start import random_tensors

_MOST = 256  # frames are asked about


def with_rare_classes(
    params: Params, fabric: Fabric, data: Data, start: Mapping[str, Tensor], weights: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Return weights whose logits of rare classes are raised by `train.logit_adjustment` times `rise_of_rare`.

    How far they have sunk is measured on the training frames, seen as in testing; of very many, on some that are
    evenly spread. `start` and `weights` are of any shape and dtype. Where some of `weights` started at random, nothing
    is known of the classes before, and they stay as they are. Raises UserError where a frame can't be read.
    """
    if random := random_tensors(weights, start):
        fabric.print(f"train.logit_adjustment changes nothing: {random[0]} started at random", flush=True)
        return weights
    network = starting_network(params, fabric, data, start).to(fabric.device)
    files = data.files[:: -(-len(data.files) // _MOST)]
    with fabric.rank_zero_first():
        images = load_frames(files, params.input, training=False, store=store_folder()).images
    rows = read_json(paths.CLASS_WEIGHTS)
    before = mean_beliefs(fabric, network, images, len(rows))
    network.load_state_dict(weights)
    after = mean_beliefs(fabric, network, images, len(rows))
    rise = params.train.logit_adjustment * rise_of_rare(
        before, after, before.new_tensor([row["share"] for row in rows])
    )
    most = int(rise.argmax())
    fabric.print(f"logits of rare classes raised, at most by {rise[most]:.2f} ({rows[most]['class']})", flush=True)
    bias = bias_of_logits(network, len(rows))
    return weights | {bias: weights[bias] + rise.to(weights[bias])}
