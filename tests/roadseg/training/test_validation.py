"""What a network is worth on the validation set, against values derived by hand and one batch at a time."""

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
from roadseg.training.validation import ValidationSet, validate


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


def validated(model, files, loss="ce", batch_size=2):
    frames = load_frames(files, Input(height=64, width=64, resize="area"), False, files[0].label.parent / "store")
    validation_set = ValidationSet(files, frames, 19)
    fabric = Fabric(accelerator="cpu", devices=1)
    return validation_set, validate(fabric, model, validation_set, batch_size, build_loss(loss))


def test_a_perfect_map_has_the_miou_of_its_classes_and_the_loss_of_its_logits(files):
    _, found = validated(LeftIsThree(), files)
    assert found["miou"] == pytest.approx(2 / 19)
    assert [number for number, iou in enumerate(found["iou"]) if iou] == [3, 9]
    assert found["val_loss"] == pytest.approx(math.log(math.e + 18) - 1)


def test_the_loss_is_the_mean_over_frames_of_the_batches(files):
    cv2.imwrite(str(files[2].label), np.full((64, 128), 5, np.uint8))
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 19, 1)
    validation_set, found = validated(model, files)
    frames = validation_set.frames
    batches = (frames.images[:2], frames.labels[:2]), (frames.images[2:], frames.labels[2:])
    with torch.no_grad():
        losses = [
            cross_entropy(model(normalize(torch.from_numpy(images))), torch.from_numpy(labels).long()).item()
            for images, labels in batches
        ]
    assert found["val_loss"] == pytest.approx((2 * losses[0] + losses[1]) / 3)


@pytest.mark.parametrize("loss", ["ce", "ce_dice"])
def test_validation_draws_no_number_and_leaves_no_gradient(files, loss):
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 19, 1), torch.nn.Dropout(0.5), torch.nn.BatchNorm2d(19))
    state, tensors = torch.get_rng_state(), {name: tensor.clone() for name, tensor in model.state_dict().items()}
    validated(model, files, loss)
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

    last, found = validated(AllFive(), files[2:])
    assert last.miou_of_one_class() == pytest.approx(found["miou"])
    assert ValidationSet(files, last.frames, 19).miou_of_one_class() == pytest.approx(64 / (64 + 64 + 63) / 19)


def test_an_empty_validation_set_has_no_figures(files):
    empty = ValidationSet([], validated(LeftIsThree(), files)[0].frames, 19)
    assert set(validate(Fabric(accelerator="cpu"), LeftIsThree(), empty, 2, build_loss("ce")).values()) == {None}
    assert empty.miou_of_one_class() is None
