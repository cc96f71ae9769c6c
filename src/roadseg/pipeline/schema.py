"""How a YAML file is checked against a pydantic model: every error becomes one line with its remedy."""

import difflib
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.sections import Section

Model = TypeVar("Model", bound=Section)
_SHOWN = 100  # characters of a value
_TOO_DEEP = "nested too deeply; it needs no more than a few levels"
_LARGE = 20_000  # characters: libyaml is six times faster than Python, but crashes where a large file is nested deeply


def read_yaml(path: Path) -> Any:
    """Read a YAML file; UserError where it is not there or not YAML."""
    try:
        text = path.read_text(encoding="utf-8")
        return yaml.load(text, getattr(yaml, "CSafeLoader" if len(text) < _LARGE else "", yaml.SafeLoader))
    except FileNotFoundError:
        raise UserError(f"{path} is not here; run this from the project's root folder") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; it must be a YAML file") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except (yaml.YAMLError, ValueError) as error:  # PyYAML raises the second for dates and numbers that can't be
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UserError(f"{path} is {_TOO_DEEP}") from None


def validate(model: type[Model], raw: Any) -> tuple[Model | None, list[str]]:
    """Return the checked content and no line, or None and a line for each problem."""
    try:
        return model.model_validate(raw), []
    except pydantic.ValidationError as error:
        try:
            return None, [_explain(problem, model) for problem in error.errors()]
        except RecursionError:
            return None, [f"the file: {_TOO_DEEP}"]


def _explain(problem: Any, model: type[Section]) -> str:
    """One line from a pydantic problem: the key, the value, the remedy."""
    key = printable(".".join(str(part) for part in problem["loc"]) or "the file")
    value = repr(problem["input"])
    value = value if len(value) <= _SHOWN else f"{value[: _SHOWN - 3]}..."
    match problem["type"]:
        case "missing":
            return f"{key} is missing; add it"
        case "extra_forbidden":
            return f"{key} is not a parameter{_closest(problem['loc'], model)}"
        case "literal_error":
            return f"{key}: {value} is unknown; choose from {problem['ctx']['expected'].replace(' or ', ', ')}"
        case _ if problem["input"] is None:
            return f"{key} is empty; write a value"
        case _:
            return f"{key}: {value} is wrong; {problem['msg'][0].lower() + problem['msg'][1:]}"


def _closest(loc: tuple[Any, ...], model: type[Section]) -> str:
    """Name the known key of the same section that a misspelt one is nearest to."""
    section: Any = model
    for part in loc[:-1]:
        section = section.model_fields[part].annotation if part in getattr(section, "model_fields", {}) else None
    known = list(getattr(section, "model_fields", ()))
    near = difflib.get_close_matches(str(loc[-1]), known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; the known ones are {', '.join(known)}" if known else "; remove it"


def value_at(content: Any, *keys: str) -> Any:
    """Return the value under nested keys of a file's content, None where there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content
