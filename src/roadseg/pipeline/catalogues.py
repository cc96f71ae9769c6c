"""The parameters of a run in full: params.yaml, the catalogues in conf/, and the values that a recipe decides."""

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from roadseg.pipeline import paths
from roadseg.pipeline.schema import read_yaml

# the key that each catalogue has in a parameter file, which may hold its own rows, as a release's does
CATALOGUES = {
    "models": paths.CONF / "models.yaml",
    "class_sets": paths.CONF / "classes.yaml",
    "recipes": paths.CONF / "recipes.yaml",
    "schedules": paths.CONF / "schedules.yaml",
}
FORMER_RECIPES = {"strong": "few_frames", "thorough": "many_frames", "patient": "imagenet_start"}
_BASE = "base"  # what each recipe starts from


def read_params(path: Path | None = None) -> Any:
    """Read a parameter file, params.yaml by default, and the catalogues that it does not hold itself.

    Raises UserError where a file is missing or is not YAML. The content may hold any error at all.
    """
    raw = read_yaml(path or paths.PARAMS)
    if not isinstance(raw, dict):
        return raw
    return raw | {key: read_yaml(file) for key, file in CATALOGUES.items() if key not in raw}


def recipe_names(raw: Mapping[str, Any]) -> list[str]:
    """Return the recipes that can be chosen, without their former names."""
    return [str(name) for name in raw["recipes"] if name != _BASE and name not in FORMER_RECIPES]


def place_of(key: str) -> str:
    """Return the file and the key in it of a dotted key, as in a line about an error.

    >>> place_of("models.big.arch"), place_of("train.lr")
    ('conf/models.yaml: big.arch', 'params.yaml: train.lr')
    """
    catalogue, _, row = key.partition(".")
    file = CATALOGUES.get(catalogue)
    return f"{file}: {row}" if file and row else f"{paths.PARAMS}: {key}"


def with_recipe(raw: Any) -> tuple[Any, list[str]]:
    """Return a parameter file's content, its empty values filled by the recipe, and a line for each problem.

    A recipe is the row `base` and what its own row says otherwise. `raw` may hold any error at all.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("recipes"), dict) or not isinstance(raw.get("recipe"), str):
        return raw, []
    recipes, name = raw["recipes"], raw["recipe"]
    base = recipes.get(_BASE) or {}
    if name == _BASE or name not in recipes:
        return _filled(raw, base), [f"recipe: {name!r} is unknown; choose from {', '.join(recipe_names(raw))}"]
    row = _merged(base, recipes[name] or {})
    if not isinstance(row, dict):
        return raw, [f"recipes.{name}: {recipes[name]!r} is not a section; write values under it, or {{}}"]
    unknown = [f"recipes.{name}.{key} is not a parameter; remove it, or correct its name" for key in _unknown(row, raw)]
    return _filled(raw, row), unknown


def overridden(raw: Mapping[str, Any]) -> list[str]:
    """Return, as text, each value of params.yaml that wins over another one of its recipe.

    >>> overridden({"recipe": "a", "recipes": {"a": {"train": {"lr": 0.3, "clip": 0}}}, "train": {"lr": 0.1}})
    ['train.lr 0.1 (not 0.3)']
    """
    row = _merged(raw["recipes"].get(_BASE) or {}, raw["recipes"][raw["recipe"]] or {})
    return list(_overridden(raw, row))


def _merged(base: Any, row: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(row, dict):
        return row
    return base | {key: _merged(base[key], value) if key in base else value for key, value in row.items()}


def _filled(section: Any, row: Any) -> Any:
    """A section in which what is empty, or not there, has the recipe's value."""
    if section is None:
        return copy.deepcopy(row)
    if not isinstance(section, dict) or not isinstance(row, dict):
        return section
    return section | {key: _filled(section.get(key), value) for key, value in row.items() if key in section}


def _unknown(row: Any, section: Any) -> Iterator[str]:
    for key, value in row.items():
        if key not in section:
            yield str(key)
        elif isinstance(value, dict) and isinstance(section[key], dict):
            yield from (f"{key}.{below}" for below in _unknown(value, section[key]))


def _overridden(section: Any, row: Any) -> Iterator[str]:
    for key, value in row.items():
        mine = section.get(key) if isinstance(section, dict) else None
        if isinstance(value, dict):
            yield from (f"{key}.{line}" for line in _overridden(mine, value))
        elif mine is not None and mine != value:
            yield f"{key} {mine} (not {value})"


def check_file_is_alone(raw: Any) -> list[str]:
    """Return a line for each catalogue that params.yaml itself holds: no stage would notice that it has changed."""
    held = raw.keys() if isinstance(raw, dict) else ()  # the file may hold any error at all
    return [f"{key}: belongs in {file}; move its rows there" for key, file in CATALOGUES.items() if key in held]
