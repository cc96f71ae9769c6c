"""Class weights against the study's own results and against hand-computed ones."""

import json

import numpy as np
import pytest
from conftest import GOLDEN

from roadseg.pipeline.errors import UserError
from roadseg.scoring.class_weights import class_weights, count_pixels_of_files

VECTORS = GOLDEN / "class_weights"
COUNTS = np.array([[6, 2, 0, 0], [1, 0, 3, 0]])  # shares 7/12, 2/12, 3/12, 0


def test_counts_and_study_weights_equal_the_studys():
    expected = json.loads((VECTORS / "expected.json").read_text())
    counts = count_pixels_of_files(sorted(VECTORS.glob("*.png")))
    assert counts.sum(axis=0).tolist() == expected["counts"]
    weights = class_weights(counts, "study", beta=0)
    assert weights == pytest.approx(expected["weights"], rel=1e-6)  # the study printed float32


def test_inverse_is_the_study_without_its_absent_class():
    weights = class_weights(COUNTS, "inverse", beta=0)
    assert weights[3] == 0
    assert weights.sum() == pytest.approx(4)
    assert weights[:3] * (np.array([7, 2, 3]) / 12 + 1e-6) == pytest.approx([weights[0] * (7 / 12 + 1e-6)] * 3)


def test_median_frequency_by_hand():
    # frequencies: 7 of 12 (in both frames), 2 of 8 (first), 3 of 4 (second); their median is 7/12
    expected = [1, (7 / 12) / (2 / 8), (7 / 12) / (3 / 4), 0]
    assert class_weights(COUNTS, "median_frequency", beta=0) == pytest.approx(expected)


def test_effective_number_by_hand():
    raw = np.array([0.5 / (1 - 0.5**7), 0.5 / (1 - 0.5**2), 0.5 / (1 - 0.5**3), 0])
    assert class_weights(COUNTS, "effective_number", beta=0.5) == pytest.approx(raw * 4 / raw.sum())


def test_none_is_one_each():
    assert class_weights(COUNTS, "none", beta=0).tolist() == [1, 1, 1, 1]


def test_labels_without_a_valid_pixel_are_reported():
    with pytest.raises(UserError, match=r"^no training label has a valid pixel; there is nothing to weigh$"):
        class_weights(np.zeros((2, 4), int), "inverse", beta=0)


def test_a_single_pixel_counts():
    assert class_weights(np.array([[3, 1, 0]]), "median_frequency", beta=0) == pytest.approx([2 / 3, 2, 0])


def test_an_unknown_method_is_reported():
    with pytest.raises(UserError, match=r"^class_weights\.method: 'rare' is unknown$"):
        class_weights(COUNTS, "rare", beta=0)


def test_classes_beyond_the_number_asked_for_are_left_out():
    files = sorted(VECTORS.glob("*.png"))
    counts = count_pixels_of_files(files, num_classes=5)
    assert counts.shape == (len(files), 5)
    assert np.array_equal(counts, count_pixels_of_files(files)[:, :5])
