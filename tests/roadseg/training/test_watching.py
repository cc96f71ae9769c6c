"""What a network is worth on the watched frames, against values derived by hand and one batch at a time."""

import math

import cv2
import numpy as np
import pytest
import torch
from conftest import write_picture
from lightning_fabric import Fabric
from torch.nn.functional import cross_entropy

from roadseg.frames.files import FrameFiles
from roadseg.frames.store import load_frames
from roadseg.networks.prediction import normalize
from roadseg.pipeline.sections import Input
from roadseg.training.losses import build_loss
from roadseg.training.watching import chance_of, watch


class LeftIsThree(torch.nn.Module):
    """Class 3 on the left, 9 on the right, each with the logit 1 beside 18 of 0."""

    def forward(self, images):
        logits = torch.zeros(len(images), 19, *images.shape[-2:])
        middle = images.shape[-1] // 2
        logits[:, 3, :, :middle] = 1
        logits[:, 9, :, middle:] = 1
        return logits


@pytest.fixture
def files(tmp_path):
    """Three frames of noise, 64x128, whose left half is class 3 and whose right half 9."""
    rng, label = np.random.default_rng(0), np.repeat(np.array([[3] * 64 + [9] * 64], np.uint8), 64, axis=0)
    found = []
    for name in "abc":
        files = FrameFiles(tmp_path / f"{name}.png", tmp_path / f"{name}_label.png")
        write_picture(files.image, rng.integers(0, 256, (64, 128, 3), np.uint8))
        write_picture(files.label, label)
        found.append(files)
    return found


def watched(model, files, loss="ce", batch_size=2, **how):
    frames = load_frames(files, Input(height=64, width=64, resize="area"), False, files[0].label.parent / "store")
    fabric = Fabric(accelerator="cpu", devices=1)
    return frames, watch(fabric, model, frames, files, batch_size, build_loss(loss, 19, **how), 19)


def test_a_perfect_map_has_the_miou_of_its_classes_and_the_loss_of_its_logits(files):
    _, seen = watched(LeftIsThree(), files)
    assert seen.miou == pytest.approx(2 / 19)
    assert [number for number, iou in enumerate(seen.iou) if iou] == [3, 9]
    assert seen.loss == pytest.approx(math.log(math.e + 18) - 1)


def test_the_loss_is_the_mean_over_frames_of_the_batches(files):
    cv2.imwrite(str(files[2].label), np.full((64, 128), 5, np.uint8))
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 19, 1)
    frames, seen = watched(model, files)
    batches = (frames.images[:2], frames.labels[:2]), (frames.images[2:], frames.labels[2:])
    with torch.no_grad():
        losses = [
            cross_entropy(model(normalize(torch.from_numpy(images))), torch.from_numpy(labels).long()).item()
            for images, labels in batches
        ]
    assert seen.loss == pytest.approx((2 * losses[0] + losses[1]) / 3)


@pytest.mark.parametrize("loss", ["ce", "ce_dice"])
def test_watching_draws_no_number_and_leaves_no_gradient(files, loss):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 19, 1), torch.nn.Dropout(0.5), torch.nn.BatchNorm2d(19))
    state, tensors = torch.get_rng_state(), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    watched(model, files, loss)
    assert torch.get_rng_state().equal(state)
    assert all(tensor.equal(tensors[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_chance_is_the_best_map_of_one_class(files):
    label = np.full((64, 128), 5, np.uint8)
    label[0] = 255
    cv2.imwrite(str(files[2].label), label)

    class AllFive(torch.nn.Module):
        def forward(self, images):
            return torch.eye(19)[5].view(1, 19, 1, 1).expand(len(images), -1, *images.shape[-2:])

    _, seen = watched(AllFive(), files[2:])
    assert chance_of(files[2:]) == pytest.approx(seen.miou)
    assert chance_of(files) == pytest.approx(64 / (64 + 64 + 63) / 19)
