"""What a soup's run sets in params.yaml: the first source's values, the mean as the start, no epoch."""

import pytest
import yaml
from conftest import ROOT

from roadseg.experiments import soups
from roadseg.experiments.dvc_runs import Run
from roadseg.experiments.variants import apply_overrides
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import check_params

HERE = yaml.safe_load((ROOT / "params.yaml").read_text())
THERE = apply_overrides(HERE, {"seed": 2, "train.lr": 0.01, "data.also": {"x": {"path": "y", "share": 0.1}}})


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three finished runs, the third of another fold; the first one's params.yaml is THERE."""
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params.yaml")
    paths.PARAMS.write_text(yaml.safe_dump(HERE))
    monkeypatch.setattr(soups, "git", lambda _, place: yaml.safe_dump(THERE if place.startswith("rev-a:") else HERE))
    found = {}
    for name, fold in (("a", "1/4"), ("b", "1/4"), ("c", "2/4"), ("r", "1/4")):
        params, _ = check_params(
            apply_overrides(HERE, {"data.fold": fold, "pretrained": "none" if name == "r" else "cityscapes"})
        )
        found[name] = Run(name, f"rev-{name}", params, {})
    return found


def test_a_soup_has_the_first_ones_values(runs):
    assert soups.soup_overrides("new", ["a", "b"], runs) == {
        "seed": 2,
        "train.lr": 0.01,
        "data.also": {"x": {"path": "y", "share": 0.1}},
        "data.fold": "1/4",
        "pretrained": "exp:a+b",
        "train.epochs": 0,
    }


def test_of_several_folds_it_is_of_none(runs):
    assert soups.soup_overrides("new", ["c", "b"], runs) == {
        "data.fold": "none",
        "pretrained": "exp:c+b",
        "train.epochs": 0,
    }


def test_names_that_cannot_be_are_refused(runs):
    with pytest.raises(UserError, match=r"^b is an experiment already; choose another name, or dvc exp remove b first"):
        soups.soup_overrides("b", ["a", "b"], runs)
    with pytest.raises(UserError, match=r"^x is no finished experiment; dvc exp show --all-commits lists them"):
        soups.soup_overrides("new", ["a", "x"], runs)
    for name in ("HEAD", "my mean", "../up", "a.b", ""):
        with pytest.raises(UserError, match=r"is no name of an experiment; choose letters, digits, - and _$"):
            soups.soup_overrides(name, ["a", "b"], runs)
    with pytest.raises(UserError, match=r"^a is named twice; name each experiment once"):
        soups.soup_overrides("new", ["a", "b", "a"], runs)
    with pytest.raises(UserError, match=r"^r began with random weights; only trainings from one start"):
        soups.soup_overrides("new", ["a", "r"], runs)
