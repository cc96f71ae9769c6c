"""What the stage `check_labels` makes of networks; its results in the pipeline are in test_stages.py."""

import numpy as np
import pytest
import torch
from torch import nn

from check_labels import believed
from roadseg.frames.store import Frames


def test_a_network_whose_logits_are_smaller_than_its_input_is_believed_at_the_inputs_size():
    images = np.zeros((1, 1, 4, 3), np.uint8)
    images[:, :, :2] = 255
    network = nn.Sequential(nn.AvgPool2d((1, 2)), nn.Conv2d(3, 2, 1, bias=False))  # logits of one row and two columns
    network[1].weight.data = torch.tensor([[1.0, 0, 0], [-1, 0, 0]])[..., None, None]
    frames = Frames(images, np.zeros((1, 1, 4), np.uint8), sizes=[(1, 4)])
    (seen,) = believed(frames, network, torch.device("cpu"), 2)
    bright, dark = (1 - 0.485) / 0.229, -0.485 / 0.229  # ImageNet's mean and spread of red
    ramp = np.array([bright, 0.75 * bright + 0.25 * dark, 0.25 * bright + 0.75 * dark, dark])
    assert seen.best.tolist() == [[0, 0, 1, 1]]
    assert seen.of_label[0] == pytest.approx(1 / (1 + np.exp(-2 * ramp)), rel=1e-4)
