"""experiments.yaml is checked before anything runs, and says what the study ran."""

import pytest
import yaml
from conftest import PARAMS, ROOT, write_params

from roadseg.experiments import variants
from roadseg.experiments.variants import (
    Group,
    apply_overrides,
    broken_comparison,
    choose,
    differing,
    load_experiments,
    other_of,
)
from roadseg.pipeline.errors import UserError

GOOD = yaml.safe_load((ROOT / "experiments.yaml").read_text())


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The project's params.yaml, and a function that loads changed experiments."""
    monkeypatch.chdir(tmp_path)
    write_params(PARAMS)

    def load(content):
        variants.EXPERIMENTS.write_text(yaml.safe_dump(content, sort_keys=False))
        return load_experiments()

    return load


def test_every_group_has_the_published_rows_or_is_quick(project):
    loaded = project(GOOD)
    assert list(loaded.groups) == ["quick", "study", "corrected", "precision", "recipe", "frontier"]
    published = {"ce": 0.521, "weighted_ce": 0.490, "dice": 0.512, "ce_dice": 0.516, "cosine": 0.516}
    published |= {"warm_restarts": 0.514, "plateau": 0.509, "imagenet": 0.524}
    published |= {"cityscapes_b3": 0.676, "cityscapes_b2": 0.651, "baseline_segnet": 0.2843, "better_segnet": None}
    for group in ("study", "corrected"):
        assert {name: variant.published for name, variant in loaded.groups[group].variants.items()} == published


def test_the_study_differs_from_the_corrected_rows_in_its_faults(project):
    study, corrected = choose(project(GOOD), ["study-cosine", "corrected-cosine"], 1)
    assert differing(study.params, corrected.params) == [
        "augmentation.draws",
        "augmentation.label_fill",
        "class_weights.labels",
        "class_weights.method",
        "data.val_fraction",
        "dice.ignored",
        "input.resize",
        "predict.precision",
        "predict.upsampling",
        "train.precision",
        "train.select",
        "train.short_batch",
    ]


def test_each_variant_is_one_step_from_the_one_it_is_compared_with(project):
    loaded = project(GOOD)
    steps = {}
    for run in choose(loaded, [], 1):
        other = other_of(loaded, run)
        steps[run.name] = (other.variant, differing(run.params, other.params)) if other else None
    several = {name for name, step in steps.items() if step and len(step[1]) > 1}
    firsts = {group.partition("-")[0] for group, step in steps.items() if step is None}
    assert firsts == set(loaded.groups)
    # another network with the recipe that belongs to it; weights that come with one; training and testing at once
    assert {name for name in several if not name.startswith("frontier-")} == {
        *(f"{group}-{name}-s1" for group in ("study", "corrected") for name in ("ce", "cityscapes_b3")),
        "precision-bfloat16-s1",
        *(f"recipe-{name}-s1" for name in ("study", "plain")),
    }
    assert steps["recipe-cubic-s1"] == ("untouched", ["predict.upsampling"])
    assert steps["recipe-crops-s1"] == ("plain", ["augment"])
    assert steps["recipe-frozen-s1"] == ("weight_interpolation", ["train.batch_norm"])
    assert steps["recipe-logit_adjustment-s1"] == ("weight_interpolation", ["train.logit_adjustment"])
    assert steps["quick-mit_b0-s1"] == ("ce_dice_cosine", ["model"])
    assert steps["study-imagenet-s1"] == ("cosine", ["pretrained"])
    assert steps["corrected-cityscapes_b2-s1"] == ("cityscapes_b3", ["model"])


@pytest.mark.parametrize(
    ("against", "broken"),
    [
        ({"a": None, "b": None, "c": "b", "d": "c"}, {}),
        ({"a": None, "b": "x"}, {"b": "'x' is no variant of this group; choose from a, b"}),
        ({"a": None, "b": "b"}, {"b": "b -> b is a circle"}),
        ({"a": "b", "b": None}, {"a": "a -> b -> a is a circle", "b": "b -> a -> b is a circle"}),
        ({"a": None, "b": "c", "c": "d", "d": "c"}, {"c": "c -> d -> c is a circle", "d": "d -> c -> d is a circle"}),
    ],
)
def test_a_comparison_that_leads_nowhere_or_round_is_refused(against, broken):
    group = Group(about="", variants={name: {"about": "", "against": other} for name, other in against.items()})
    found = {name: problem for name in against if (problem := broken_comparison(group, name))}
    assert {name: line.partition("; the group's first")[0] for name, line in found.items()} == broken


def test_the_parameters_that_differ_are_dotted_keys():
    params = {"loss": "ce", "train": {"lr": 1, "epochs": 2}, "kwargs": {}, "only": 1, "list": [1]}
    other = {"loss": "ce", "train": {"lr": 3, "epochs": 2}, "kwargs": {"a": 1}, "list": [2]}
    assert differing(params, other) == ["kwargs.a", "list", "only", "train.lr"]
    assert differing(params, params) == []


def test_names_of_groups_and_variants_choose_runs_once_each(project):
    loaded = project(GOOD)
    runs = choose(loaded, ["quick-ce", "quick"], seeds=2)
    assert [run.name for run in runs[:3]] == ["quick-ce-s1", "quick-ce-s2", "quick-weighted_ce-s1"]
    assert len(runs) == 2 * len(loaded.groups["quick"].variants)
    assert runs[1].params["seed"] == 2
    assert runs[0].params["loss"] == "ce"
    mit_b0 = choose(loaded, ["quick-mit_b0"], seeds=2, folds=3)
    assert [run.name for run in mit_b0] == [f"quick-mit_b0-s{seed}-f{fold}of3" for seed in (1, 2) for fold in (1, 2, 3)]
    assert [run.params["data"]["fold"] for run in mit_b0] == ["1/3", "2/3", "3/3"] * 2
    others = [other_of(loaded, run) for run in mit_b0]
    assert [other.name for other in others if other] == [run.name.replace("mit_b0", "ce_dice_cosine") for run in mit_b0]


def test_an_unknown_name_is_refused_in_one_line_with_the_nearest(project):
    loaded, groups = project(GOOD), "quick, study, corrected, precision, recipe, frontier"
    for name, remedy in (
        ("quik", f"did you mean quick? the groups are {groups}"),
        ("quick-cd", f"did you mean quick-ce? the groups are {groups}"),
        ("xyz", f"choose from the groups {groups}"),
    ):
        with pytest.raises(UserError) as caught:
            choose(loaded, [name], 1)
        assert str(caught.value) == f"{name} is neither a group nor a variant; {remedy}"


def test_every_mistake_is_reported_at_once(project):
    content = yaml.safe_load((ROOT / "experiments.yaml").read_text())
    variants = content["groups"]["quick"]["variants"]
    variants["ce"]["set"] = {"los": "ce"}
    variants["weighted_ce"]["against"] = "cosine"  # of another group
    variants["ce_dice"]["set"] = {"loss": "dise", "train.epochs": "many"}
    variants["mit_b0"]["methods"] = ["magic"]
    variants["Bad Name"] = {"about": "?"}
    with pytest.raises(UserError) as caught:
        project(content)
    lines = [line.removeprefix("experiments.yaml: ") for line in str(caught.value).splitlines()]
    starts = (
        "quick.Bad Name: names are of a-z, 0-9 and _",
        "quick.ce.set: los is not a parameter; see params.yaml",
        "quick.ce_dice.set: loss: 'dise' is unknown; choose from 'ce', ",
        "quick.ce_dice.set: train.epochs: 'many' is wrong",
        "quick.mit_b0.methods: magic is not in `methods`",
        "quick.weighted_ce.against: 'cosine' is no variant of this group; choose from ce, ",
    )
    assert [line[: len(start)] for line, start in zip(sorted(lines), starts, strict=True)] == list(starts)


def test_a_mistake_in_the_form_of_the_file_is_reported(project):
    content = yaml.safe_load((ROOT / "experiments.yaml").read_text())
    del content["groups"]["quick"]["variants"]["ce"]["about"]
    content["groups"]["precision"]["variants"] = {}
    with pytest.raises(UserError) as caught:
        project(content)
    first, second = str(caught.value).splitlines()
    assert first == "experiments.yaml: groups.quick.variants.ce.about is missing; add it"
    assert second.startswith("experiments.yaml: groups.precision.variants: {} is wrong")


def test_overrides_change_a_copy():
    base = {"a": {"b": 1, "c": 2}}
    overrides = {"a": {"b": 3, "c": 4}, "a.b": 5}  # a later key may reach into an earlier value
    assert apply_overrides(base, overrides) == {"a": {"b": 5, "c": 4}}
    assert (base, overrides["a"]) == ({"a": {"b": 1, "c": 2}}, {"b": 3, "c": 4})
    for key in ("a.x", "x", "a.b.c"):
        with pytest.raises(UserError, match=f"{key} is not a parameter"):
            apply_overrides(base, {key: 1})
