"""Class maps at the frames' own sizes, against torch's operators and hand-made logits."""

import numpy as np
import pytest
import torch

from roadseg.frames.resized import Frames
from roadseg.networks import prediction
from roadseg.networks.prediction import enlarge_classes, enlarge_logits, normalize, predict


def test_normalize_is_torchvisions():
    from torchvision.transforms.v2.functional import normalize as reference

    images = torch.randint(0, 256, (2, 4, 6, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = reference(images.permute(0, 3, 1, 2) / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert torch.allclose(normalize(images), expected)


def test_enlarged_logits_put_the_border_between_pixels():
    # class 1 wins where the interpolated second logit is positive: from -3 to 1 it crosses zero at 3/4 of the way
    logits = torch.tensor([[[0.0, 0.0]], [[-3.0, 1.0]]])
    assert enlarge_logits(logits, (1, 8)).tolist() == [[0, 0, 0, 0, 0, 1, 1, 1]]
    assert enlarge_classes(logits, (1, 8)).tolist() == [[0, 0, 0, 0, 1, 1, 1, 1]]


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_each_frame_comes_back_at_its_own_size(batch_size):
    images = np.zeros((3, 4, 4, 3), np.uint8)
    images[:, :, 2:] = 255
    frames = Frames(images, np.zeros((3, 4, 4), np.uint8), sizes=[(4, 4), (6, 10), (9, 8)])
    bright = torch.nn.Conv2d(3, 2, 1)  # class 1 where the normalised red is positive
    torch.nn.init.zeros_(bright.bias)
    bright.weight.data = torch.tensor([[0.0, 0, 0], [1, 0, 0]])[..., None, None]
    maps = list(predict(bright, frames, range(3), batch_size, "logits", torch.device("cpu")))
    assert [m.shape for m in maps] == frames.sizes
    assert all(m.dtype == np.uint8 for m in maps)
    assert all(m[:, 0].max() == 0 and m[:, -1].min() == 1 for m in maps)


@pytest.mark.parametrize("size", [(90, 250), (5, 7), (1, 1)])
def test_large_frames_are_enlarged_class_by_class_with_the_same_result(monkeypatch, size):
    logits = torch.randn(19, 20, 30, generator=torch.Generator().manual_seed(0))
    logits[7] = logits[3]  # ties go to the first
    expected = enlarge_logits(logits, size)
    monkeypatch.setattr(prediction, "_AT_ONCE", 0)
    assert enlarge_logits(logits, size).equal(expected)
    assert not (expected == 7).any()
