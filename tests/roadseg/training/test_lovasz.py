"""Cross-entropy with the Lovasz term: against its definition, smp's loss and numerical derivatives."""

import pytest
import torch
from segmentation_models_pytorch.losses import LovaszLoss
from torch.nn.functional import cross_entropy

from roadseg.training.lovasz import ce_lovasz, lovasz_softmax


def alone(values):
    """What a process has that shares its batch with no other."""
    return values


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
    loss = ce_lovasz(logits, targets, 255, 1, alone, alone)
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
    assert ce_lovasz(logits, targets, 255, 3, alone, alone).item() == pytest.approx(
        0.5 * ce.item() + 0.5 * of_some.item()
    )
    targets[:, ::3, ::3] = 255
    ce = cross_entropy(logits, targets.long(), ignore_index=255)
    assert ce_lovasz(logits, targets, 255, 3, alone, alone).item() == pytest.approx(0.5 * ce.item())


def test_the_gradient_is_that_of_torchs_cross_entropy_and_smps_loss():
    logits, targets = (part.requires_grad_() if part.is_floating_point() else part for part in sample(5, torch.float32))
    ce = cross_entropy(logits, targets.long(), ignore_index=255)
    smp_loss = LovaszLoss("multiclass", ignore_index=255)(logits[..., ::2, ::2], targets[:, ::2, ::2].long())
    (expected,) = torch.autograd.grad(0.5 * ce + 0.5 * smp_loss, logits)
    (gradient,) = torch.autograd.grad(ce_lovasz(logits, targets, 255, 2, alone, alone), logits)
    assert torch.allclose(gradient, expected, rtol=1e-4, atol=1e-7)


def test_a_class_that_does_not_occur_has_no_term():
    logits, target = torch.zeros(3, 4), torch.tensor([1, 1, 1])
    assert lovasz_softmax(logits, target).item() == pytest.approx(0.75)  # of class 1 alone: all errors are 3/4
