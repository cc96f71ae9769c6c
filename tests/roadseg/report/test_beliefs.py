"""What a network believes follows from its logits."""

import numpy as np
import pytest
import torch

from roadseg.report.beliefs import beliefs


def test_beliefs_are_the_probabilities_of_the_best_class_and_of_the_label():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 5)).astype(np.float32)
    labels = rng.choice(np.array([0, 1, 2, 255], np.uint8), (2, 4, 5))
    exps = np.exp(logits.astype(np.float64))
    expected = exps / exps.sum(axis=1, keepdims=True)
    for n, seen in enumerate(beliefs(torch.from_numpy(logits), labels)):
        assert seen.best.dtype == np.uint8
        for row, column in np.ndindex(4, 5):
            of = expected[n, :, row, column]
            assert seen.best[row, column] == of.argmax()
            assert seen.of_best[row, column] == pytest.approx(of.max(), rel=1e-5)
            if labels[n, row, column] != 255:
                assert seen.of_label[row, column] == pytest.approx(of[labels[n, row, column]], rel=1e-5)
