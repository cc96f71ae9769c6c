"""A network is suited to its training without any change of what it computes, and what is frozen stays as it was."""

import shutil

import pytest
import torch
from lightning_fabric import Fabric
from small_training import small_training
from timm.layers import BatchNormAct2d
from torch import nn

import train
from roadseg.frames.batches import Batch
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import Train
from roadseg.training.preparation import batch_norms_of, compile_network, prepare_network


def is_of_a_layer(tensors):
    """Whether one of them is what a linear layer gave, and not a copy of it."""
    return any(tensor.grad_fn and tensor.grad_fn.name().startswith("Addmm") for tensor in tensors)


@pytest.mark.parametrize("activation", [nn.Hardswish, nn.SiLU, nn.Mish])
def test_inputs_that_the_gradient_needs_are_left_and_nothing_else_changes(activation):
    def network():
        layers = nn.Linear(3, 4), activation(inplace=True), nn.Linear(4, 4), nn.ReLU(inplace=True)
        return nn.Sequential(*layers)

    def gradients(model):
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda kept: kept):
            model(torch.linspace(-4, 4, 15).view(5, 3)).square().sum().backward()
        return [parameter.grad for parameter in model.parameters()], kept

    before, after = network(), network()
    after.load_state_dict(before.state_dict())
    section = Train.model_construct(epochs=1, logit_adjustment=0.0, batch_norm="train", compile=False)
    prepare_network(after, {}, Fabric(accelerator="cpu", devices=1), section, 4)
    assert [module.inplace for module in after if hasattr(module, "inplace")] == [False, True]
    (expected, copied), (found, kept) = gradients(before), gradients(after)
    assert all(map(torch.equal, found, expected))
    assert [is_of_a_layer(tensors) for tensors in (copied, kept)] == [False, True]


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1), BatchNormAct2d(2))


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def train_one_epoch(training):
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 4, 6, 3), dtype=torch.uint8, generator=random)
    training.model.eval()  # as validation leaves it
    train.train_epoch(training, [Batch(images, (images[..., 0] > 99).byte(), 2)])


@pytest.mark.parametrize("batch_norm", ["frozen", "train"])
def test_frozen_batch_norms_keep_their_statistics_and_train_scale_and_shift(batch_norm):
    model = network()
    training, before = small_training(model, batch_norm=batch_norm), state_of(model)
    assert len(batch_norms_of(model)) == 2
    train_one_epoch(training)
    after = model.state_dict()
    stay = [after[name].equal(before[name]) for name, _ in model.named_buffers()]
    assert stay == [batch_norm == "frozen"] * 6
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
    training = small_training(model, freeze=freeze)
    everything = set(model.state_dict())
    head = {name for name in everything if name.startswith("head.")}
    before_a_norm = {"encoder.0.bias", "head.0.bias"}  # which takes it away, up to rounding
    for training.epoch in (1, 2, 3):
        before = state_of(model)
        train_one_epoch(training)
        trained = head if training.epoch <= epochs_frozen else everything
        assert moved(model, before) - before_a_norm == trained - before_a_norm


def test_a_network_without_an_encoder_cannot_freeze_it():
    with pytest.raises(UserError, match=r"train\.freeze: 3 is about the encoder, but Sequential has none"):
        small_training(network(), freeze="3")


def test_a_machine_that_cannot_compile_is_reported(monkeypatch, tmp_path):
    import torch._inductor.config

    torch.compiler.reset()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    without_compiler = torch._inductor.config.patch({"cpp.cxx": (None, "/nowhere/g++")})
    with (
        without_compiler,
        pytest.raises(UserError, match=r"train\.compile: torch\.compile fails here \(InvalidCxxCompiler"),
    ):
        compile_network(nn.Conv2d(3, 2, 1), torch.device("cpu"))


def test_a_compiled_network_computes_the_same():
    images, expected, compiled = torch.randn(1, 3, 4, 4), nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)
    compiled.load_state_dict(expected.state_dict())
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler here")
    compile_network(compiled, torch.device("cpu"))
    assert torch.allclose(compiled(images), expected(images), atol=1e-6)
    assert list(compiled.state_dict()) == list(expected.state_dict())
