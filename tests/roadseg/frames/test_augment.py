"""What the study's augmentation does to labels."""

import numpy as np
import pytest

from roadseg.frames.augment import build_policy


@pytest.mark.parametrize("fill", [0, 255])
def test_the_border_that_a_move_brings_in_gets_the_class_asked_for(fill):
    policy, values = build_policy("study", label_fill=fill), set()
    for seed in range(20):
        policy.set_random_seed(seed)
        values |= set(
            np.unique(policy(image=np.ones((32, 64, 3), np.uint8), mask=np.full((32, 64), 7, np.uint8))["mask"])
        )
    assert values == {7, fill}
