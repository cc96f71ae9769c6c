"""Each variant is compared with the one it names, or the group's first; what leads nowhere or round is refused."""

import pytest

from roadseg.experiments.comparisons import broken_comparison, compared_with, differing


def test_the_first_is_what_the_others_go_back_to():
    against = {"a": None, "b": None, "c": "b", "d": "c"}
    assert [compared_with(against, name) for name in against] == ["", "a", "b", "c"]
    assert [broken_comparison(against, name) for name in against] == [""] * 4


@pytest.mark.parametrize(
    ("against", "broken"),
    [
        ({"a": None, "b": "x"}, {"b": "'x' is no variant of this group; choose from a, b"}),
        ({"a": None, "b": "b"}, {"b": "b -> b is a circle"}),
        ({"a": None, "b": "c", "c": "b"}, {"b": "b -> c -> b is a circle", "c": "c -> b -> c is a circle"}),
        ({"a": "b", "b": None}, {"a": "a -> b -> a is a circle", "b": "b -> a -> b is a circle"}),
        ({"a": None, "b": "c", "c": "d", "d": "c"}, {"c": "c -> d -> c is a circle", "d": "d -> c -> d is a circle"}),
    ],
)
def test_a_comparison_that_leads_nowhere_or_round_is_refused(against, broken):
    found = {name: problem for name in against if (problem := broken_comparison(against, name))}
    assert found.keys() == broken.keys()
    for name, problem in broken.items():
        assert found[name].startswith(problem)


def test_the_parameters_that_differ_are_dotted_keys():
    params = {"loss": "ce", "train": {"lr": 1, "epochs": 2}, "kwargs": {}, "only": 1, "list": [1]}
    other = {"loss": "ce", "train": {"lr": 3, "epochs": 2}, "kwargs": {"a": 1}, "list": [2]}
    assert differing(params, other) == ["kwargs.a", "list", "only", "train.lr"]
    assert differing(params, params) == []
