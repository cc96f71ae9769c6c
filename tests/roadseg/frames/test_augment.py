"""What the study's augmentation does to labels, and that its transforms are drawn independently of each other."""

import itertools
from collections import Counter

import numpy as np
import pytest
from albumentations import OneOf

from roadseg.frames.augment import build_policy, seed_policy
from roadseg.pipeline.errors import UserError

DRAWS = 20_000


@pytest.mark.parametrize("fill", [0, 255])
def test_the_border_that_a_move_brings_in_gets_the_class_asked_for(fill):
    policy, values = build_policy("study", label_fill=fill), set()
    for seed in range(20):
        seed_policy(policy, str(seed))
        values |= set(
            np.unique(policy(image=np.ones((32, 64, 3), np.uint8), mask=np.full((32, 64), 7, np.uint8))["mask"])
        )
    assert values == {7, fill}


def leaves_of(transform):
    """The transforms below one of the policy's entries: itself, or the choices of a OneOf."""
    return transform.transforms if isinstance(transform, OneOf) else [transform]


def patterns_of(policy):
    """Count which entries of the policy act together over many draws, and how often each choice of a OneOf acts."""
    acted = []
    for place, entry in enumerate(policy.transforms):
        for leaf in leaves_of(entry):
            name = place, type(leaf).__name__
            leaf.apply_with_params = lambda *_, name=name, **data: (acted.append(name), data)[1]
    image, mask = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8)
    patterns, leaves = Counter(), Counter()
    for draw in range(DRAWS):
        acted.clear()
        seed_policy(policy, f"1/{draw // 100}/{draw % 100}")
        policy(image=image, mask=mask)
        patterns[tuple(sorted(place for place, _ in acted))] += 1
        leaves.update(acted)
    return patterns, leaves


def chi2_of(patterns, odds):
    """How far the patterns are from those of independent transforms that act with these odds."""
    chi2 = 0.0
    for acting in itertools.product([False, True], repeat=len(odds)):
        expected = DRAWS * np.prod([p if acts else 1 - p for p, acts in zip(odds, acting, strict=True)])
        observed = patterns[tuple(place for place, acts in enumerate(acting) if acts)]
        chi2 += (observed - expected) ** 2 / expected
    return chi2


@pytest.mark.parametrize(
    ("name", "odds", "most"),
    [
        ("study", [0.5, 0.4, 0.3, 0.3, 0.3, 0.2], 110),  # of 63 degrees of freedom, 0.02 % are above
        ("strong", [0.5, 0.5, 0.5, 0.5, 0.15], 66),  # of 31, as many
    ],
)
def test_transforms_act_independently_of_each_other(name, odds, most):
    policy = build_policy(name, 255)
    assert [entry.p for entry in policy.transforms] == odds
    patterns, leaves = patterns_of(policy)
    assert chi2_of(patterns, odds) < most
    if name == "study":
        choices = [leaves[5, leaf] for leaf in ("MotionBlur", "GaussianBlur", "GaussNoise")]
        assert all(count == pytest.approx(sum(choices) / 3, rel=0.25) for count in choices)


@pytest.mark.parametrize("name", ["study", "strong"])
def test_draws_depend_on_the_key_alone(name):
    image = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
    mask = np.zeros((32, 64), np.uint8)
    one, other = build_policy(name, 255), build_policy(name, 255)
    for key in ("1/1/0", "1/1/1", "1/2/0", "2/1/0"):
        for _ in range(3):  # what was drawn before does not matter
            other(image=image, mask=mask)
        seed_policy(one, key)
        seed_policy(other, key)
        a, b = (policy(image=image, mask=mask) for policy in (one, other))
        assert np.array_equal(a["image"], b["image"])
        assert np.array_equal(a["mask"], b["mask"])


def test_no_augmentation_and_unknown_ones():
    assert build_policy("none", 255) is None
    with pytest.raises(UserError, match="augment: 'weak' is unknown; choose none, study or strong"):
        build_policy("weak", 255)
