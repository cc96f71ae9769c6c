"""An empty value is the recipe's, any other is meant as it is; a recipe is the base row and what its own says."""

import copy
from pathlib import Path

import pytest
import yaml
from conftest import PARAMS, ROOT, write_params

from roadseg.pipeline.catalogues import (
    CATALOGUES,
    FORMER_RECIPES,
    check_file_is_alone,
    overridden,
    read_params,
    with_recipe,
)
from roadseg.pipeline.params import check_params

RAW = {
    "recipe": "long",
    "recipes": {
        "base": {"loss": "ce", "train": {"epochs": 9, "lr": 0.1}},
        "long": {},
        "short": {"loss": "dice", "train": {"epochs": 1}},
    },
    "loss": None,
    "train": {"epochs": None, "lr": 0.5, "size": {"height": 3}},
}


def test_empty_values_are_the_recipes_and_any_other_stays():
    before = copy.deepcopy(RAW)
    filled, problems = with_recipe(RAW)
    assert problems == []
    assert (filled["loss"], filled["train"]) == ("ce", {"epochs": 9, "lr": 0.5, "size": {"height": 3}})
    assert before == RAW


def test_a_recipe_says_only_what_differs_from_the_base():
    filled, _ = with_recipe(RAW | {"recipe": "short", "train": {"epochs": None, "lr": None}})
    assert (filled["loss"], filled["train"]) == ("dice", {"epochs": 1, "lr": 0.1})


def test_what_wins_over_the_recipe_is_listed():
    assert overridden(RAW) == ["train.lr 0.5 (not 0.1)"]


@pytest.mark.parametrize("raw", [None, [], {}, {"recipe": 1, "recipes": {}}, {"recipe": "a", "recipes": []}])
def test_what_is_no_recipe_is_left_to_the_check_of_the_form(raw):
    assert with_recipe(raw) == (raw, [])


@pytest.mark.parametrize("name", [name for name in PARAMS["recipes"] if name != "base"])
def test_each_recipe_of_the_project_is_valid(name):
    params, problems = check_params(PARAMS | {"recipe": name, "pretrained": "imagenet"})
    assert problems == []
    assert params is not None
    row = PARAMS["recipes"]["base"]["train"] | PARAMS["recipes"][name].get("train", {})
    assert {key: getattr(params.train, key) for key in row} == row


def test_former_names_stand_for_the_same_values():
    rows = yaml.safe_load((ROOT / "conf/recipes.yaml").read_text())
    assert all(rows[old] == rows[new] for old, new in FORMER_RECIPES.items())


@pytest.mark.parametrize("name", ["stong", "base"])
def test_an_unknown_recipe_is_one_line(name):
    _, problems = check_params(PARAMS | {"recipe": name})
    choice = "scratch, study, few_frames, many_frames, imagenet_start"
    assert problems == [f"recipe: {name!r} is unknown; choose from {choice}"]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ({"los": "ce"}, "recipes.mine.los is not a parameter; remove it, or correct its name"),
        ({"train": {"epoch": 2}}, "recipes.mine.train.epoch is not a parameter; remove it, or correct its name"),
        ({"train": {"lr": "x"}}, "recipes.mine.train.lr: 'x' is wrong; input should be a valid number, "),
    ],
)
def test_an_error_in_a_recipe_names_its_row(row, line):
    _, problems = check_params(PARAMS | {"recipe": "mine", "recipes": PARAMS["recipes"] | {"mine": row}})
    assert len(problems) == 1
    assert problems[0].startswith(line)


def test_a_value_that_no_recipe_has_is_named_once():
    broken = copy.deepcopy(PARAMS)
    del broken["recipes"]["base"]["train"]["lr"]
    assert check_params(broken)[1] == ["train.lr is empty; write a value"]


def test_catalogues_come_from_conf_unless_the_file_holds_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_params(PARAMS)
    assert read_params() == PARAMS
    assert set(yaml.safe_load(Path("params.yaml").read_text())) == set(PARAMS) - set(CATALOGUES)
    Path("params.yaml").write_text(yaml.safe_dump({"model": "a", "models": {"a": {"arch": "x"}}}))
    content = read_params()
    assert content["models"] == {"a": {"arch": "x"}}
    assert check_file_is_alone({"models": {}}) == ["models: belongs in conf/models.yaml; move its rows there"]
