"""The word `recipe` stands for the chosen row's value, anything else for itself, and what is missing is named."""

import copy

import pytest
import yaml
from conftest import ROOT

from roadseg.pipeline.params import check_params
from roadseg.pipeline.recipes import with_recipe

RAW = {
    "recipe": "long",
    "recipes": {
        "long": {"loss": "ce", "train": {"epochs": 9, "lr": 0.1}},
        "short": {"loss": "dice", "train": {"epochs": 1, "lr": 0.2}},
    },
    "loss": "recipe",
    "train": {"epochs": "recipe", "lr": 0.5, "size": {"height": 3}},
}
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def test_the_word_is_replaced_and_any_other_value_stays() -> None:
    raw, before = copy.deepcopy(RAW), copy.deepcopy(RAW)
    resolved, problems = with_recipe(raw)
    assert problems == []
    assert (resolved["loss"], resolved["train"]) == ("ce", {"epochs": 9, "lr": 0.5, "size": {"height": 3}})
    assert (resolved["recipe"], resolved["recipes"]) == ("long", before["recipes"])
    assert raw == before


def test_another_row_by_one_word() -> None:
    resolved, _ = with_recipe(RAW | {"recipe": "short"})
    assert (resolved["loss"], resolved["train"]["epochs"], resolved["train"]["lr"]) == ("dice", 1, 0.5)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"recipe": "lnog"}, "recipe: 'lnog' is not in `recipes`; choose from long, short"),
        (
            {"augment": "recipe"},
            "augment: recipe, but recipes.long has no augment; add it there, or write a value here",
        ),
        (
            {"train": {"epochs": 1, "lr": {"head": "recipe"}}},
            "train.lr.head: recipe, but recipes.long has no train.lr.head; add it there, or write a value here",
        ),
    ],
)
def test_what_is_missing_is_one_line(changes, line) -> None:
    _, problems = with_recipe(RAW | changes)
    assert problems == [line]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"recipe": 3}, "recipe: 3 is wrong; input should be a valid string"),
        ({"recipes": PARAMS["recipes"] | {"scratch": None}}, "recipes.scratch: None is wrong; "),
    ],
)
def test_a_recipe_of_the_wrong_form_is_one_line(changes, line) -> None:
    _, problems = check_params(PARAMS | changes)
    assert len(problems) == 1
    assert problems[0].startswith(line)


@pytest.mark.parametrize("raw", [None, [], {}, {"recipe": 1, "recipes": {}}, {"recipe": "a", "recipes": []}])
def test_what_is_no_recipe_is_left_to_the_check_of_the_form(raw) -> None:
    assert with_recipe(raw) == (raw, [])


@pytest.mark.parametrize("name", PARAMS["recipes"])
def test_each_recipe_of_the_project_is_whole_and_valid(name) -> None:
    params, problems = check_params(PARAMS | {"recipe": name, "pretrained": "imagenet"})
    assert problems == []
    assert params is not None
    assert params.train.epochs == PARAMS["recipes"][name]["train"]["epochs"]


@pytest.mark.parametrize(
    ("row", "key"),
    [({"los": "ce"}, "los"), ({"train": {"epoch": 2}}, "train.epoch"), ({"recipe": "study"}, "recipe")],
)
def test_a_key_of_a_recipe_that_is_no_parameter(row, key) -> None:
    _, problems = check_params(PARAMS | {"recipes": PARAMS["recipes"] | {"mine": row}})
    assert problems == [f"recipes.mine.{key} is not a parameter; remove it, or correct its name"]


def test_a_mistyped_recipe_is_one_line() -> None:
    _, problems = check_params(PARAMS | {"recipe": "stong"})
    assert problems == ["recipe: 'stong' is not in `recipes`; choose from scratch, study, strong, patient, thorough"]


@pytest.mark.parametrize("fold", ["x", "0/4", "5/4", "1/1"])
def test_a_fold_that_is_none_is_one_line(fold) -> None:
    _, problems = check_params(PARAMS | {"data": PARAMS["data"] | {"fold": fold}})
    assert len(problems) == 1
    assert problems[0].startswith(f"data.fold: {fold!r} is wrong" if fold == "x" else f"data.fold: {fold} is no")


def test_a_missing_value_is_named_once() -> None:
    broken = copy.deepcopy(PARAMS)
    del broken["recipes"][broken["recipe"]]["train"]["lr"]
    _, problems = check_params(broken)
    assert problems == ["train.lr: recipe, but recipes.scratch has no train.lr; add it there, or write a value here"]
