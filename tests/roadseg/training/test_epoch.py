"""One epoch against steps taken by hand, and which epoch's weights are kept."""

import shutil
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from lightning_fabric import Fabric

from roadseg.frames.batches import Batch
from roadseg.networks.prediction import normalize
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Constant
from roadseg.training.epoch import Best, build_optimizer, train_epoch
from roadseg.training.losses import build_loss
from roadseg.training.preparation import compile_network
from roadseg.training.schedules import build_schedule

LR = 0.1


def batches():
    """A full batch of two frames and a short one of one."""
    random = torch.Generator().manual_seed(0)
    return [
        Batch(
            torch.randint(0, 256, (n, 4, 6, 3), dtype=torch.uint8, generator=random),
            torch.randint(0, 2, (n, 4, 6), dtype=torch.uint8, generator=random),
            n,
        )
        for n in (2, 1)
    ]


def network():
    torch.manual_seed(1)
    return torch.nn.Conv2d(3, 2, 1)


@pytest.mark.parametrize(("full_batch", "weights"), [(2, (1.0, 0.5)), (None, (1.0, 1.0))])
def test_an_epoch_equals_steps_by_hand(full_batch, weights):
    fabric, loss_of = Fabric(accelerator="cpu", devices=1), build_loss("ce", 2)
    expected, losses = network(), []
    for batch, weight in zip(batches(), weights, strict=True):
        loss = loss_of(expected(normalize(batch.images)), batch.labels)
        for p, gradient in zip(
            expected.parameters(), torch.autograd.grad(loss, list(expected.parameters())), strict=True
        ):
            p.data -= LR * weight * gradient
        losses.append(loss.item())

    optimizer = torch.optim.SGD((trained := network()).parameters(), LR)
    schedule = build_schedule(Constant(), optimizer, 1, 2)
    model, optimizer = fabric.setup(trained, optimizer)
    mean = train_epoch(fabric, model, batches(), loss_of, optimizer, schedule, full_batch)

    assert mean == pytest.approx(sum(w * x for w, x in zip(weights, losses, strict=True)) / sum(weights))
    for p, q in zip(trained.parameters(), expected.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6)


@pytest.mark.parametrize(("clip", "length"), [(1e-3, 1e-3), (1e3, None), (0.0, None)])
def test_the_norm_of_the_whole_gradient_is_clipped(clip, length):
    fabric, trained, batch = Fabric(accelerator="cpu", devices=1), network(), batches()[0]
    loss = build_loss("ce", 2)(trained(normalize(batch.images)), batch.labels)
    gradients = torch.autograd.grad(loss, list(trained.parameters()))
    whole = torch.cat([g.flatten() for g in gradients]).norm().item()
    before = [p.detach().clone() for p in trained.parameters()]

    optimizer = torch.optim.SGD(trained.parameters(), LR)
    schedule = build_schedule(Constant(), optimizer, 1, 1)
    model, optimizer = fabric.setup(trained, optimizer)
    train_epoch(fabric, model, [batch], build_loss("ce", 2), optimizer, schedule, 2, clip=clip)

    assert whole > 2e-3
    for p, q, gradient in zip(trained.parameters(), before, gradients, strict=True):
        assert torch.allclose(p - q, -LR * gradient * (length / whole if length else 1), rtol=1e-3, atol=1e-7)


def test_a_batch_without_a_valid_pixel_leaves_the_weights_as_they_are():
    fabric, trained = Fabric(accelerator="cpu", devices=1), network()
    optimizer = torch.optim.SGD(trained.parameters(), LR)
    schedule = build_schedule(Constant(), optimizer, 1, 1)
    model, optimizer = fabric.setup(trained, optimizer)
    blank = [replace(batch, labels=torch.full_like(batch.labels, 255)) for batch in batches()]
    assert train_epoch(fabric, model, blank, build_loss("ce", 2), optimizer, schedule, 2) == 0
    assert all(p.equal(q) for p, q in zip(trained.parameters(), network().parameters(), strict=True))


def test_optimizers_by_name():
    kinds = {name: build_optimizer(name, network().parameters(), 0.01, 0.1) for name in ("adam", "adamw", "sgd")}
    assert {name: type(optimizer).__name__.lower() for name, optimizer in kinds.items()} == {n: n for n in kinds}
    assert all(o.defaults["lr"] == 0.01 and o.defaults["weight_decay"] == 0.1 for o in kinds.values())
    with pytest.raises(UserError, match="'rmsprop' is unknown; choose from adam, adamw, sgd"):
        build_optimizer("rmsprop", network().parameters(), 0.01, 0.1)


def steps_of(name, weight_decay):
    """The lengths of two steps of lr 0.5 from a weight of 4, down a slope of 1."""
    weight = torch.nn.Parameter(torch.tensor([4.0]))
    optimizer, places = build_optimizer(name, [weight], 0.5, weight_decay), [weight.item()]
    for _ in range(2):
        weight.grad = torch.ones(1)
        optimizer.step()
        places.append(weight.item())
    return [before - after for before, after in pairwise(places)]


def test_steps_of_the_optimizers_by_hand():
    assert steps_of("sgd", 0.0) == pytest.approx([0.5, 0.5 * (0.9 + 1)])
    assert steps_of("sgd", 0.25) == pytest.approx([0.5 * 2, 0.5 * (0.9 * 2 + 1 + 0.25 * 3)])  # as a slope
    assert steps_of("adam", 0.0) == pytest.approx([0.5, 0.5])  # as long as lr, whatever the slope
    assert steps_of("adam", 0.25) == pytest.approx([0.5, 0.5], rel=0.01)
    assert steps_of("adamw", 0.25) == pytest.approx([0.5 + 0.5 * 0.25 * 4, 0.5 + 0.5 * 0.25 * 3])  # beside the step


@pytest.mark.parametrize(
    ("mious", "chosen"), [((0.1, 0.3, 0.3, 0.2), 2), ((None, None, None, None), 4), ((0.0,) * 4, 1)]
)
def test_best_keeps_a_copy_of_the_first_highest_or_of_the_last(mious, chosen):
    best, model = Best(), network()
    for epoch, miou in enumerate(mious, 1):
        model.weight.data.fill_(epoch)
        best.offer(epoch, miou, model)
    model.weight.data.fill_(99)
    assert best.epoch == chosen
    assert best.weights["weight"].unique().tolist() == [chosen]


def test_a_machine_that_cannot_compile_is_reported(monkeypatch, tmp_path):
    import torch._inductor.config

    torch.compiler.reset()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    without_compiler = torch._inductor.config.patch({"cpp.cxx": (None, "/nowhere/g++")})
    with (
        without_compiler,
        pytest.raises(UserError, match=r"train\.compile: torch\.compile fails here \(InvalidCxxCompiler"),
    ):
        compile_network(network(), torch.device("cpu"))


def test_a_compiled_network_computes_the_same():
    images, expected, compiled = torch.randn(1, 3, 4, 4), network(), network()
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler here")
    compile_network(compiled, torch.device("cpu"))
    assert torch.allclose(compiled(images), expected(images), atol=1e-6)
    assert list(compiled.state_dict()) == list(expected.state_dict())
