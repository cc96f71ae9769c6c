"""Batches of frames of any sizes through an engine: classes at their own sizes, and how sure they are."""

from pathlib import PurePath

import numpy as np
import pytest
import torch

from roadseg.inference.frame import Broken, Frame
from roadseg.inference.predicting import confidence, predict_frames


def bright(sizes):
    """An engine of two classes by the brightness of the red, that notes the batches that it gets."""

    def engine(images):
        sizes.append(len(images))
        red = torch.from_numpy(images)[..., 0].float() - 128
        return torch.stack([-red, red], dim=1)

    return engine


def frame(name, height, width):
    image = np.zeros((height, width, 3), np.uint8)
    small = np.zeros((4, 8, 3), np.uint8)
    small[:, 4:] = 255
    return Frame(PurePath(name), image, small)


def test_each_frame_comes_back_in_its_order_and_size_and_broken_ones_fill_no_batch():
    frames = [frame("a", 1, 1), Broken("x"), frame("b", 300, 20), frame("c", 8, 16), Broken("y"), frame("d", 5, 7)]
    batches = []
    results = list(predict_frames(bright(batches), frames, 3, "bilinear"))
    assert batches == [3, 1]
    assert [r.reason for r in results if isinstance(r, Broken)] == ["x", "y"]
    predicted = [r for r in results if not isinstance(r, Broken)]
    assert [str(r.frame.name) for r in predicted] == ["a", "b", "c", "d"]
    assert [r.classes.shape for r in predicted] == [(1, 1), (300, 20), (8, 16), (5, 7)]
    assert predicted[2].classes[0].tolist() == [0] * 8 + [1] * 8
    assert all(r.classes.dtype == np.uint8 for r in predicted)


@pytest.mark.parametrize("size", [(1, 1), (4, 6)])
def test_confidence_is_the_mean_of_the_largest_probability(size):
    logits = torch.zeros(3, *size)
    logits[1] = torch.log(torch.tensor(2.0))  # probabilities 1/4, 2/4, 1/4
    assert confidence(logits) == pytest.approx(0.5)
