"""Class weights against the study's own results and against hand-computed ones."""

import json

import numpy as np
import pytest
from conftest import GOLDEN

from roadseg.frames.counting import count_pixels_of_files
from roadseg.pipeline.errors import UserError
from roadseg.scoring.class_weights import class_weights

VECTORS = GOLDEN / "class_weights"
COUNTS = np.array([[6, 2, 0, 0], [1, 0, 3, 0]])  # shares 7/12, 2/12, 3/12, 0


def scaled(weights):
    return np.array(weights) * len(weights) / sum(weights)


def test_counts_and_study_weights_equal_the_studys():
    expected, files = json.loads((VECTORS / "expected.json").read_text()), sorted(VECTORS.glob("*.png"))
    counts = count_pixels_of_files(files)
    assert counts.sum(axis=0).tolist() == expected["counts"]
    assert np.array_equal(count_pixels_of_files(files, num_classes=5), counts[:, :5])
    weights = class_weights(counts, "study", beta=0)
    assert weights == pytest.approx(expected["weights"], rel=1e-6)  # the study printed float32


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("inverse", scaled([1 / (7 / 12 + 1e-6), 1 / (2 / 12 + 1e-6), 1 / (3 / 12 + 1e-6), 0])),
        # frequencies: 7 of 12 (in both frames), 2 of 8 (first), 3 of 4 (second); their median is 7/12
        ("median_frequency", [1, (7 / 12) / (2 / 8), (7 / 12) / (3 / 4), 0]),
        ("effective_number", scaled([0.5 / (1 - 0.5**7), 0.5 / (1 - 0.5**2), 0.5 / (1 - 0.5**3), 0])),
        ("none", [1, 1, 1, 1]),
    ],
)
def test_methods_by_hand(method, expected):
    assert class_weights(COUNTS, method, beta=0.5) == pytest.approx(expected)


def test_a_single_pixel_counts():
    assert class_weights(np.array([[3, 1, 0]]), "median_frequency", beta=0) == pytest.approx([2 / 3, 2, 0])


def test_what_can_t_be_weighed_is_reported():
    with pytest.raises(UserError, match=r"^no training label has a valid pixel; there is nothing to weigh$"):
        class_weights(np.zeros((2, 4), int), "inverse", beta=0)
    with pytest.raises(UserError, match=r"^class_weights\.method: 'rare' is unknown$"):
        class_weights(COUNTS, "rare", beta=0)
