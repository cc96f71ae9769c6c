"""Recipes: one word in params.yaml that stands for many values, each of which can still be set by itself.

A value that says `recipe` is the one that the chosen row of `recipes` has under the same keys; any other value is meant
as it is. So `-S recipe=strong` changes all that a recipe decides, and `-S train.lr=1e-5` beside it wins over the row.
"""

import copy
from collections.abc import Iterator
from typing import Any

_WORD = "recipe"


def with_recipe(raw: Any) -> tuple[Any, list[str]]:
    """Return the content of a parameter file with the recipe's values put in, and a line for each that it lacks.

    `raw` may hold any error at all; what is no recipe is left to the check of the form, and `raw` itself is returned.
    """
    recipes, name = (raw.get("recipes"), raw.get("recipe")) if isinstance(raw, dict) else (None, None)
    if not isinstance(recipes, dict) or not isinstance(name, str):
        return raw, []
    if name not in recipes:
        return raw, [f"recipe: {name!r} is not in `recipes`; choose from {', '.join(map(str, recipes))}"]
    if not isinstance(recipes[name], dict):
        return raw, []
    result = copy.deepcopy(raw)
    return result, list(_put_in(result, recipes[name], f"recipes.{name}"))


def _put_in(section: dict[Any, Any], row: Any, where: str, keys: tuple[str, ...] = ()) -> Iterator[str]:
    for key, value in section.items():
        if not keys and key in ("recipe", "recipes"):
            continue
        below = row.get(key) if isinstance(row, dict) else None
        place = ".".join([*keys, str(key)])
        if isinstance(value, dict):
            yield from _put_in(value, below, where, (*keys, str(key)))
        elif value == _WORD and below is None:
            yield f"{place}: {_WORD}, but {where} has no {place}; add it there, or write a value here"
        elif value == _WORD:
            section[key] = copy.deepcopy(below)


def replaced_values(section: Any, row: Any, place: str = "") -> Iterator[str]:
    """Yield, as text, each value beside the recipe's row that wins over one in it, `section` as the file has it.

    >>> list(replaced_values({"loss": "recipe", "train": {"lr": 0.1, "clip": 0}}, {"loss": "ce", "train": {"lr": 0.3}}))
    ['train.lr 0.1 (not 0.3)']
    """
    for key, value in row.items():
        mine = section.get(key, _WORD) if isinstance(section, dict) else _WORD
        if isinstance(value, dict):
            yield from replaced_values(mine, value, f"{place}{key}.")
        elif mine not in (_WORD, value):
            yield f"{place}{key} {mine} (not {value})"


def unknown_keys(row: Any, section: Any, where: str) -> Iterator[str]:
    """Yield a line for each key of a recipe that is no parameter; `section` is the class of the parameter file."""
    fields = getattr(section, "model_fields", {})
    for key, value in row.items() if isinstance(row, dict) else ():
        if key not in fields or key in ("recipe", "recipes"):
            yield f"{where}.{key} is not a parameter; remove it, or correct its name"
        else:
            yield from unknown_keys(value, fields[key].annotation, f"{where}.{key}")
