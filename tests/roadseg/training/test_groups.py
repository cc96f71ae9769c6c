"""Which parameters learn how fast, and which are decayed."""

import pytest
import torch
from torch import nn

from roadseg.networks.catalogue import build_model
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Poly
from roadseg.training.groups import parameter_groups, stage_of
from roadseg.training.schedules import build_schedule


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleDict({
            "stem": nn.Conv2d(3, 4, 1), "stage1": nn.Conv2d(4, 4, 1), "stage2": nn.BatchNorm2d(4)
        })  # fmt: skip
        self.head = nn.Conv2d(4, 2, 1)


def settings_by_name(network, groups):
    """The settings of the group of each parameter."""
    names = {parameter: name for name, parameter in network.named_parameters()}
    return {names[p]: (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}


def test_by_default_all_parameters_are_one_group_in_their_own_order():
    network = Small()
    (group,) = parameter_groups(network, 0.1, 0.01)
    assert [id(p) for p in group["params"]] == [id(p) for p in network.parameters()]
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.01)


def test_the_learning_rate_falls_by_stages_from_the_head_to_the_image():
    network = Small()
    settings = settings_by_name(network, parameter_groups(network, 1.0, 0.0, head_lr=10, layer_decay=0.5))
    rates = {name: lr for name, (lr, _) in settings.items() if name.endswith("weight")}
    assert rates == {
        "encoder.stem.weight": 0.125,
        "encoder.stage1.weight": 0.25,
        "encoder.stage2.weight": 0.5,
        "head.weight": 10,
    }


def test_norms_and_biases_are_not_decayed():
    network = Small()
    settings = settings_by_name(network, parameter_groups(network, 1.0, 0.3, decayed="weights"))
    decayed = {name for name, (_, decay) in settings.items() if decay == 0.3}
    assert decayed == {"encoder.stem.weight", "encoder.stage1.weight", "head.weight"}
    assert {decay for _, decay in settings.values()} == {0.0, 0.3}
    assert len(settings) == 8


@pytest.mark.parametrize(
    ("encoder", "stages"), [("resnet18", [1, 2, 3, 4]), ("mit_b0", [1, 2, 3, 4]), ("mobilenet_v2", [*range(19)])]
)
def test_stages_of_real_encoders(encoder, stages):
    network = build_model("row", {"arch": "Segformer", "encoder": encoder}, 19)
    assert sorted({stage_of(name) for name, _ in network.encoder.named_parameters()}) == stages
    groups = parameter_groups(network, 1.0, 0.0, layer_decay=0.5)
    assert sorted(group["lr_scale"] for group in groups) == [0.5**i for i in range(len(stages), -1, -1)]


def test_stages_by_name():
    names = [
        "conv.weight",
        "input_stem.op_list.1.conv.weight",
        "layer3.1.conv2.weight",
        "patch_embed4.norm.bias",
        "_blocks.12._bn0.weight",
    ]
    assert [stage_of(name) for name in names] == [0, 0, 3, 4, 12]


def test_a_network_without_an_encoder_has_one_learning_rate():
    with pytest.raises(UserError, match=r"train\.layer_decay: 0\.5 is about the encoder, but Conv2d has none"):
        parameter_groups(nn.Conv2d(3, 2, 1), 1.0, 0.0, layer_decay=0.5)
    with pytest.raises(UserError, match=r"train\.head_lr: 2\.0 is about the encoder"):
        parameter_groups(nn.Conv2d(3, 2, 1), 1.0, 0.0, head_lr=2.0)


def test_a_schedule_moves_all_groups_alike_and_shows_the_rate_itself():
    groups = parameter_groups(Small(), 0.1, 0.0, layer_decay=0.5)
    optimizer = torch.optim.SGD(groups, 0.1)
    schedule = build_schedule(Poly(power=1.0, warmup_epochs=0), optimizer, 1, 4)
    optimizer.step()
    schedule.after_step()
    assert schedule.lr == pytest.approx(0.075)
    assert [g["lr"] for g in optimizer.param_groups] == pytest.approx([0.75 * 0.1 * g["lr_scale"] for g in groups])
