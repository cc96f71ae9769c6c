"""The losses against the study's own results, against torch's, and against the formulas written out."""

import json

import numpy as np
import pytest
import torch
from conftest import GOLDEN
from segmentation_models_pytorch.losses import LovaszLoss
from torch.nn.functional import cross_entropy, one_hot, softmax

from roadseg.pipeline.errors import UserError
from roadseg.training.losses import build_loss, lovasz_softmax

VECTORS = GOLDEN / "losses"
NAMES = ["ce", "weighted_ce", "dice", "ce_dice"]


@pytest.fixture(scope="module")
def golden():
    with np.load(VECTORS / "vectors.npz") as file:
        return {key: file[key] for key in file.files}


def loss_and_gradient(name, logits, targets, weights=None, mask_ignored=False):
    logits = logits.clone().requires_grad_()
    loss = build_loss(name, logits.shape[1], weights, mask_ignored)(logits, targets)
    loss.backward()
    return loss.item(), logits.grad


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_studys_values_and_gradients(name, golden):
    expected = json.loads((VECTORS / "expected.json").read_text())[name]
    logits, targets = torch.from_numpy(golden["logits"]), torch.from_numpy(golden["target"])
    loss, gradient = loss_and_gradient(name, logits, targets, golden["weights"])
    assert loss == pytest.approx(expected, rel=1e-6)
    assert np.abs(gradient.numpy() - golden[f"grad_{name}"]).max() < 1e-8


def dice_written_out(logits, targets, mask_ignored=False):
    """The formula of docs/study.md, Losses, with a one-hot tensor; an ignored pixel has no y but keeps its p."""
    valid = (targets != 255)[:, None]
    prob = softmax(logits, dim=1) * (valid if mask_ignored else 1)
    truth = one_hot(torch.where(targets == 255, 0, targets), logits.shape[1]).movedim(-1, 1) * valid
    tp = (prob * truth).sum(dim=(0, 2, 3))
    fp, fn = prob.sum(dim=(0, 2, 3)) - tp, truth.sum(dim=(0, 2, 3)) - tp
    return (1 - (2 * tp + 1e-7) / (2 * tp + fn + fp + 1e-7)).sum()


@pytest.mark.parametrize("mask_ignored", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_formulas_in_double_precision(seed, mask_ignored):
    random = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(3, 5, 7, 11, generator=random, dtype=torch.float64)
    targets = torch.randint(0, 5, (3, 7, 11), generator=random)
    targets[torch.rand(targets.shape, generator=random) < 0.2] = 255
    weights = torch.rand(5, generator=random, dtype=torch.float64)
    ce, dice = cross_entropy(logits, targets, ignore_index=255), dice_written_out(logits, targets, mask_ignored)
    expected = {
        "ce": ce,
        "weighted_ce": cross_entropy(logits, targets, weight=weights, ignore_index=255),
        "dice": dice,
        "ce_dice": 0.5 * ce + 0.5 * dice / 5,
    }
    for name, value in expected.items():
        loss, _ = loss_and_gradient(name, logits, targets, weights.tolist(), mask_ignored)
        assert loss == pytest.approx(value.item(), rel=1e-12)


@pytest.mark.parametrize("mask_ignored", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_derivatives(name, mask_ignored):
    logits = torch.randn(2, 3, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    targets = torch.tensor([[[0, 1, 2], [255, 1, 0]], [[2, 2, 255], [0, 0, 1]]])
    loss = build_loss(name, 3, [0.5, 1.5, 1.0], mask_ignored)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), logits.requires_grad_())


@pytest.mark.parametrize("name", NAMES)
def test_masked_losses_depend_on_labelled_pixels_alone(name):
    """With all labelled pixels right, predictions on ignored ones change nothing and get no gradient."""
    targets = torch.tensor([[[0, 1, 2, 255, 255, 255]]])
    right = 9.0 * one_hot(torch.tensor([[[0, 1, 2, 0, 0, 0]]]), 3).movedim(-1, 1)
    others = right.roll(1, dims=1).where(targets[:, None] == 255, right)
    losses, gradients = zip(
        *(loss_and_gradient(name, x, targets, [1.0] * 3, True) for x in (right, others)), strict=True
    )
    assert losses[0] == losses[1]
    assert losses[0] < 0.001
    assert all(gradient[..., 3:].abs().max() == 0 for gradient in gradients)
    if "dice" in name:  # the study's definition gives other losses for the two
        unmasked = [loss_and_gradient(name, x, targets)[0] for x in (right, others)]
        assert min(unmasked) > 0.05


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_without_a_valid_pixel_gives_a_finite_loss_and_gradient(name):
    loss, gradient = loss_and_gradient(name, torch.randn(1, 4, 3, 3), torch.full((1, 3, 3), 255), [1.0] * 4)
    assert np.isfinite(loss)
    assert gradient.isfinite().all()
    assert loss == 0 if name in ("ce", "weighted_ce") else loss > 0


def test_a_class_of_weight_zero_teaches_nothing():
    loss, gradient = loss_and_gradient("weighted_ce", torch.randn(1, 2, 1, 2), torch.ones(1, 1, 2), [1.0, 0.0])
    assert loss == 0
    assert gradient.abs().max() == 0


def test_low_precision_logits_are_widened():
    logits = torch.randn(1, 19, 64, 64, generator=torch.Generator().manual_seed(0)).bfloat16()
    targets = torch.zeros(1, 64, 64, dtype=torch.uint8)
    loss = build_loss("ce_dice")
    assert loss(logits, targets).item() == loss(logits.float(), targets).item()


def test_bad_names_and_weights_are_reported():
    with pytest.raises(UserError, match="'hinge' is unknown; choose from ce, weighted_ce, dice, ce_dice, ce_lovasz"):
        build_loss("hinge")
    with pytest.raises(UserError, match="needs 19 class weights, not 0; run class_weights first"):
        build_loss("weighted_ce")
    with pytest.raises(UserError, match="needs 19 class weights, not 3"):
        build_loss("weighted_ce", class_weights=[1, 2, 3])


def test_millions_of_pixels_of_one_class_are_summed_exactly():
    # every pixel has p = 1/2 of its own class, so tp = fp(of the other) = fn = half of the pixels
    logits, targets = torch.zeros(1, 2, 2000, 2500, requires_grad=True), torch.zeros(1, 2000, 2500, dtype=torch.long)
    dice = build_loss("dice", 2)(logits, targets).item()
    assert dice == pytest.approx((1 - 2 / 3) + 1, rel=1e-5)


def sample(seed=0, dtype=torch.float64, ignored=0.2):
    random = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 19, 7, 11, generator=random, dtype=dtype)
    targets = torch.randint(0, 19, (2, 7, 11), generator=random).byte()
    targets[torch.rand(targets.shape, generator=random) < ignored] = 255
    return logits, targets


def jaccard_loss(errors, truth):
    """The Lovasz extension of 1 - IoU as its definition has it: the set loss summed over growing sets of errors."""
    order = sorted(range(len(errors)), key=lambda i: -errors[i])
    total, previous, wrong = 0.0, 0.0, set()
    for i in order:
        wrong.add(i)
        positives = {k for k, t in enumerate(truth) if t}
        loss = len(wrong) / len(positives | wrong)  # 1 - |positives without wrong| / |positives with wrong|
        total, previous = total + errors[i] * (loss - previous), loss
    return total


@pytest.mark.parametrize("seed", range(3))
def test_lovasz_equals_its_definition_and_smps_loss(seed):
    logits, targets = sample(seed)
    loss = build_loss("ce_lovasz", every=1)(logits, targets)
    valid = targets != 255
    probs, labels = logits.softmax(1).movedim(1, -1)[valid], targets[valid].tolist()
    terms = []
    for k in sorted(set(labels)):
        truth = [label == k for label in labels]
        terms.append(jaccard_loss([abs(t - p) for t, p in zip(truth, probs[:, k].tolist(), strict=True)], truth))
    ce = cross_entropy(logits, targets.long(), ignore_index=255)
    assert loss.item() == pytest.approx(0.5 * ce.item() + 0.5 * sum(terms) / len(terms))
    smp_loss = LovaszLoss("multiclass", ignore_index=255)(logits.float(), targets.long())
    assert loss.item() == pytest.approx(0.5 * ce.item() + 0.5 * smp_loss.item())


def test_lovasz_of_some_pixels_leaves_the_cross_entropy_of_all():
    logits, targets = sample()
    ce = cross_entropy(logits, targets.long(), ignore_index=255)
    of_some = LovaszLoss("multiclass", ignore_index=255)(logits[:, :, ::3, ::3].float(), targets[:, ::3, ::3].long())
    assert build_loss("ce_lovasz", every=3)(logits, targets).item() == pytest.approx(
        0.5 * ce.item() + 0.5 * of_some.item()
    )
    targets[:, ::3, ::3] = 255
    ce = cross_entropy(logits, targets.long(), ignore_index=255)
    assert build_loss("ce_lovasz", every=3)(logits, targets).item() == pytest.approx(0.5 * ce.item())


def test_the_gradient_is_that_of_torchs_cross_entropy_and_smps_loss():
    logits, targets = (part.requires_grad_() if part.is_floating_point() else part for part in sample(5, torch.float32))
    ce = cross_entropy(logits, targets.long(), ignore_index=255)
    smp_loss = LovaszLoss("multiclass", ignore_index=255)(logits[..., ::2, ::2], targets[:, ::2, ::2].long())
    (expected,) = torch.autograd.grad(0.5 * ce + 0.5 * smp_loss, logits)
    (gradient,) = torch.autograd.grad(build_loss("ce_lovasz", every=2)(logits, targets), logits)
    assert torch.allclose(gradient, expected, rtol=1e-4, atol=1e-7)


def test_a_class_that_does_not_occur_has_no_term():
    logits, target = torch.zeros(3, 4), torch.tensor([1, 1, 1])
    assert lovasz_softmax(logits, target).item() == pytest.approx(0.75)  # of class 1 alone: all errors are 3/4
