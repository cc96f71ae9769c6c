"""Resizing by area against means taken by numpy, and against OpenCV where that is right."""

import cv2
import numpy as np
import pytest

from roadseg.frames.resizing import resize_picture

NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


def mean_of_rows(image, n):
    return image.reshape(len(image) // n, n, image.shape[1], 3).mean(axis=1)


def test_rows_that_shrink_are_means_though_columns_grow():
    result = resize_picture(NOISE, 30, 320, "area")
    means = mean_of_rows(NOISE, 4)
    # the centres of the output columns lie a quarter of an input column beside those of the input
    left = np.concatenate([means[:, :1], means[:, :-1]], axis=1)
    assert np.abs(result[:, ::2] - (0.75 * means + 0.25 * left)).max() <= 1


def test_columns_that_shrink_are_means_though_rows_grow():
    turned = resize_picture(NOISE.transpose(1, 0, 2), 320, 30, "area")
    assert np.abs(turned.transpose(1, 0, 2).astype(int) - resize_picture(NOISE, 30, 320, "area")).max() <= 1


def test_stripes_become_even():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::2] = 255
    assert np.abs(resize_picture(stripes, 16, 65, "area").astype(int) - 127).max() <= 1


@pytest.mark.parametrize("size", [(120, 160), (60, 160), (120, 40), (60, 40), (77, 101)])
def test_where_nothing_grows_it_is_opencvs_area(size):
    expected = cv2.resize(NOISE, size[::-1], interpolation=cv2.INTER_AREA)
    assert np.array_equal(resize_picture(NOISE, *size, "area"), expected)


@pytest.mark.parametrize("size", [(120, 200), (240, 200)])
def test_where_nothing_shrinks_it_is_linear(size):
    assert np.array_equal(resize_picture(NOISE, *size, "area"), resize_picture(NOISE, *size, "linear"))


@pytest.mark.parametrize("rule", ["nearest", "linear", "area"])
def test_the_same_size_is_the_same_picture(rule):
    assert np.array_equal(resize_picture(NOISE, 120, 160, rule), NOISE)
