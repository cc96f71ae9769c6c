"""Parity by hand: two functions of a picture that differ on a known share of its pixels."""

import numpy as np
import pytest

from roadseg.inference.parity import check_parity, compare
from roadseg.pipeline.errors import UserError

LABEL = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.uint8)


def by_brightness(threshold):
    """Logits of two classes: 0, and how much brighter than the threshold the red is."""

    def logits(images):
        red = images[..., 0].astype(np.float32)
        return np.stack([np.zeros_like(red), red - threshold], axis=1)

    return logits


def picture():
    red = np.array([[10, 10, 200, 200], [10, 10, 200, 90]], np.uint8)
    return np.repeat(red[..., None], 3, axis=2)


def test_pixels_logits_and_scores_are_compared():
    # the network misses none of the ones but the 90; the other takes it for a one as well
    parity = compare(by_brightness(100), by_brightness(80), picture()[None], [LABEL], "bilinear", 2, 255)
    assert parity.largest == 20
    assert parity.equal == 7 / 8
    assert parity.network_miou == pytest.approx((4 / 5 + 3 / 4) / 2)
    assert parity.miou == pytest.approx(1)
    assert parity.pace > 0
    with pytest.raises(UserError, match=r"^a\.onnx gives other classes than the network: 87\.500 % of the pixels"):
        check_parity(parity, "a.onnx")


def test_pixels_are_compared_at_the_labels_own_sizes():
    labels = [LABEL, LABEL.repeat(3, axis=0).repeat(3, axis=1)]
    images = np.stack([picture()] * 2)
    parity = compare(by_brightness(100), by_brightness(100), images, labels, "class_map", 2, 255)
    assert (parity.largest, parity.equal) == (0, 1)
    assert parity.miou == parity.network_miou == pytest.approx((4 / 5 + 3 / 4) / 2)  # nine times each pixel: the same
    check_parity(parity, "a.onnx")
