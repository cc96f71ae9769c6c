"""What `experiments.yaml` may say: groups of named variants, each with values that are applied to params.yaml."""

import copy
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from roadseg.data.class_sets import problems_of_classes
from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import read_params, with_recipe
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.params import check_params
from roadseg.pipeline.schema import read_yaml, validate
from roadseg.pipeline.sections import Section, SourceName

EXPERIMENTS = Path("experiments.yaml")


class Variant(Section):
    about: str
    set: dict[str, Any] = Field(default_factory=dict)
    methods: list[str] = Field(default_factory=list)
    against: str | None = None  # the variant that it is compared with; None: the group's first
    published: float | None = None


class Group(Section):
    about: str
    set: dict[str, Any] = Field(default_factory=dict)
    variants: Annotated[dict[str, Variant], Field(min_length=1)]

    def compared_with(self, variant: str) -> str:
        """Return the variant that `variant` is compared with, or "" for the first, to which all others go back."""
        first = next(iter(self.variants))
        return self.variants[variant].against or ("" if variant == first else first)


class Published(Section):
    name: str
    source: str
    data: SourceName
    measure: str  # of whose frames, by how many passes
    gflops: float
    miou: float


class Experiments(Section):
    methods: list[str]
    groups: dict[str, Group]
    published: list[Published]


@dataclass(frozen=True)
class Experiment:
    """One run: a variant with one seed, and with one fold of the training frames where there are folds.

    `params` is the whole content of params.yaml for it.
    """

    group: str
    variant: str
    seed: int
    overrides: Mapping[str, Any]
    params: Mapping[str, Any]
    fold: str = "none"  # as data.fold says it

    @property
    def name(self) -> str:
        """What DVC calls it: the same for the same variant, seed and fold, whatever else changes."""
        part = "" if self.fold == "none" else f"-f{self.fold.replace('/', 'of')}"
        return f"{self.group}-{self.variant}-s{self.seed}{part}"


def load_experiments() -> Experiments:
    """Read `experiments.yaml`; a UserError lists every problem in it, values that params.yaml would refuse included."""
    experiments, problems = validate(Experiments, read_yaml(EXPERIMENTS))
    if experiments is not None:
        problems = _broken_variants(experiments)
    if experiments is None or problems:
        raise UserError("\n".join(f"{EXPERIMENTS}: {printable(line)}" for line in problems))
    return experiments


def _broken_variants(experiments: Experiments) -> list[str]:
    problems, base = [], read_params()
    for group_name, group in experiments.groups.items():
        for name, variant in group.variants.items():
            where = f"{group_name}.{name}"
            if not re.fullmatch(r"[a-z0-9_]+", group_name + name):
                problems.append(f"{where}: names are of a-z, 0-9 and _")
            if problem := broken_comparison(group, name):
                problems.append(f"{where}.against: {problem}")
            if unknown := set(variant.methods) - set(experiments.methods):
                problems.append(f"{where}.methods: {', '.join(sorted(unknown))} is not in `methods`")
            try:
                params, errors = check_params(apply_overrides(base, group.set | variant.set))
                errors += problems_of_classes(params) if params else []
            except UserError as error:
                errors = [str(error)]
            problems += [f"{where}.set: {line}" for line in errors]
    return problems


def broken_comparison(group: Group, variant: str) -> str:
    """Say what is wrong with what a variant is compared with, or "": it does not exist, or goes round in a circle."""
    way, other = [variant], group.compared_with(variant)
    if other and other not in group.variants:
        return f"{other!r} is no variant of this group; choose from {', '.join(group.variants)}"
    while other in group.variants and other not in way:
        way.append(other)
        other = group.compared_with(other)
    if other == variant:
        return f"{' -> '.join([*way, variant])} is a circle; the group's first variant needs no `against`"
    return ""


def apply_overrides(params: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of nested `params` in which each dotted key has its new value; UserError for an unknown key."""
    result = copy.deepcopy(dict(params))
    for key, value in overrides.items():
        *sections, last = key.split(".")
        place: Any = result
        for section in sections:
            place = place.get(section) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place:
            raise UserError(f"{key} is not a parameter; see {paths.PARAMS}")
        place[last] = copy.deepcopy(value)  # a later key may reach into it
    return result


def choose(experiments: Experiments, names: list[str], seeds: int, folds: int = 1) -> list[Experiment]:
    """Return the runs of the named groups and variants (`group-variant`), or of all, each with seeds 1..`seeds`.

    With more than one fold each of these once for each fold. Raises UserError for an unknown name.
    """
    base, groups = read_params(), experiments.groups
    known = {f"{group}-{variant}": (group, variant) for group in groups for variant in groups[group].variants}
    wanted = []
    for name in names or groups:
        if name not in groups and name not in known:
            near = difflib.get_close_matches(name, [*groups, *known], n=1)
            remedy = f"did you mean {near[0]}? the groups are" if near else "choose from the groups"
            raise UserError(f"{name} is neither a group nor a variant; {remedy} {', '.join(groups)}")
        wanted += [pair for full, pair in known.items() if name in (full, pair[0])]
    parts = [f"{number}/{folds}" for number in range(1, folds + 1)] if folds > 1 else ["none"]
    return [
        _experiment(groups[group], base, (group, variant), seed, fold)
        for group, variant in dict.fromkeys(wanted)
        for seed in range(1, seeds + 1)
        for fold in parts
    ]


def other_of(experiments: Experiments, experiment: Experiment) -> Experiment | None:
    """Return the run, of the same seed and fold, that a run is compared with; UserError where params.yaml is broken."""
    group = experiments.groups[experiment.group]
    if not (other := group.compared_with(experiment.variant)):
        return None
    return _experiment(group, read_params(), (experiment.group, other), experiment.seed, experiment.fold)


def _experiment(group: Group, base: Any, names: tuple[str, str], seed: int, fold: str) -> Experiment:
    overrides = group.set | group.variants[names[1]].set | {"seed": seed}
    overrides |= {"data.fold": fold} if fold != "none" else {}
    return Experiment(*names, seed, overrides, apply_overrides(base, overrides), fold)


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
