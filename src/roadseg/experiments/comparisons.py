"""Which variant of a group each one is compared with, and in which parameters the two differ.

`against` has for each variant, in the group's order, the one that it names, or None for the group's first.
"""

from collections.abc import Mapping
from typing import Any

from roadseg.pipeline.recipes import with_recipe


def compared_with(against: Mapping[str, str | None], variant: str) -> str:
    """Return the variant that `variant` is compared with, or "" for the first, to which all others go back."""
    first = next(iter(against))
    return against[variant] or ("" if variant == first else first)


def broken_comparison(against: Mapping[str, str | None], variant: str) -> str:
    """Say what is wrong with what a variant is compared with: it does not exist, or goes round in a circle."""
    other, way = compared_with(against, variant), [variant]
    if other and other not in against:
        return f"{other!r} is no variant of this group; choose from {', '.join(against)}"
    while other in against and other not in way:
        way.append(other)
        other = compared_with(against, other)
    if other == variant:
        return f"{' -> '.join([*way, variant])} is a circle; the group's first variant needs no `against`"
    return ""


def differing(params: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys in which one params.yaml differs from another; `recipe` alone where they differ in that.

    >>> differing({"loss": "ce", "train": {"lr": 1, "epochs": 2}}, {"loss": "ce", "train": {"lr": 3, "epochs": 2}})
    ['train.lr']
    """
    if params.get("recipe") == other.get("recipe"):  # the word stands for the same values in both
        params, other = with_recipe(params)[0], with_recipe(other)[0]
    mine, theirs = dict(_leaves(params)), dict(_leaves(other))
    return sorted(key for key in mine | theirs if key not in mine or key not in theirs or mine[key] != theirs[key])


def _leaves(params: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, value in params.items():
        found += _leaves(value, f"{prefix}{name}.") if isinstance(value, Mapping) else [(f"{prefix}{name}", value)]
    return found
