"""experiments.yaml is checked before anything runs, and says what the study ran."""

import pytest
import yaml
from conftest import ROOT

from roadseg.experiments import variants
from roadseg.experiments.comparisons import differing
from roadseg.experiments.variants import apply_overrides, choose, load_experiments, other_of
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.recipes import with_recipe

GOOD = yaml.safe_load((ROOT / "experiments.yaml").read_text())


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The project's params.yaml, and a function that loads changed experiments."""
    monkeypatch.chdir(tmp_path)
    paths.PARAMS.write_text((ROOT / "params.yaml").read_text())

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


def test_the_study_runs_with_its_faults_and_the_corrected_rows_without(project):
    loaded = project(GOOD)
    study, corrected = (choose(loaded, [f"{group}-cosine"], 1)[0].params for group in ("study", "corrected"))
    default, _ = with_recipe(yaml.safe_load(paths.PARAMS.read_text()))
    for section, key in (
        ("augmentation", "draws"),
        ("augmentation", "label_fill"),
        ("class_weights", "method"),
        ("class_weights", "labels"),
        ("input", "resize"),
        ("train", "select"),
        ("train", "short_batch"),
        ("predict", "upsampling"),
    ):
        assert corrected[section][key] == default[section][key], key
        assert study[section][key] != default[section][key], key


def test_each_variant_is_one_step_from_the_one_it_is_compared_with(project):
    loaded = project(GOOD)
    steps = {}
    for run in choose(loaded, [], 1):
        other = other_of(loaded, run)
        steps[run.name] = (other.variant, differing(run.params, other.params)) if other else None
    several = {name for name, step in steps.items() if step and len(step[1]) > 1}
    assert [name for name, step in steps.items() if step is None] == [
        "quick-ce-s1",
        "study-baseline_segnet-s1",
        "corrected-baseline_segnet-s1",
        "precision-float32-s1",
        "recipe-untouched-s1",
        "frontier-efficientvit_seg_b0-s1",
    ]
    # another network with the recipe that belongs to it; weights that come with one; training and testing at once
    assert several == {
        *(f"{group}-{name}-s1" for group in ("study", "corrected") for name in ("ce", "cityscapes_b3")),
        "precision-bfloat16-s1",
        *(f"recipe-{name}-s1" for name in ("study", "plain")),
        *(name for name in several if name.startswith("frontier-")),  # two sizes, weights of two origins
    }
    assert steps["recipe-cubic-s1"] == ("untouched", ["predict.upsampling"])
    assert steps["recipe-crops-s1"] == ("plain", ["augment"])
    assert steps["recipe-frozen-s1"] == ("weight_interpolation", ["train.batch_norm"])
    assert steps["recipe-logit_adjustment-s1"] == ("weight_interpolation", ["train.logit_adjustment"])
    assert steps["quick-mit_b0-s1"] == ("ce_dice_cosine", ["model"])
    assert steps["study-imagenet-s1"] == ("cosine", ["pretrained"])
    assert steps["corrected-cityscapes_b2-s1"] == ("cityscapes_b3", ["model"])


def test_the_other_run_has_the_same_seed(project):
    loaded = project(GOOD)
    runs = choose(loaded, ["quick-mit_b0"], 3)
    assert [other_of(loaded, run).name for run in runs] == [f"quick-ce_dice_cosine-s{seed}" for seed in (1, 2, 3)]


def test_a_comparison_must_be_with_a_variant_of_the_group_and_end(project):
    content = yaml.safe_load((ROOT / "experiments.yaml").read_text())
    variants = content["groups"]["quick"]["variants"]
    variants["weighted_ce"]["against"] = "cosine"  # of another group
    variants["ce_dice"]["against"] = "mit_b0"
    content["groups"]["precision"]["variants"] = {}
    with pytest.raises(UserError) as caught:
        project(content)
    assert "groups.precision.variants" in str(caught.value)
    content["groups"].pop("precision")
    with pytest.raises(UserError) as caught:
        project(content)
    message = [line.removeprefix("experiments.yaml: ") for line in str(caught.value).splitlines()]
    assert message[0].startswith("quick.weighted_ce.against: 'cosine' is no variant of this group; choose from ce, ")
    assert message[1].startswith("quick.ce_dice.against: ce_dice -> mit_b0 -> ce_dice_cosine -> ce_dice is a circle")
    assert len(message) == 4


def test_each_fold_is_a_run_of_its_own(project):
    runs = choose(project(GOOD), ["recipe-ema"], seeds=2, folds=3)
    assert [run.name for run in runs] == [f"recipe-ema-s{seed}-f{fold}of3" for seed in (1, 2) for fold in (1, 2, 3)]
    assert [run.params["data"]["fold"] for run in runs] == ["1/3", "2/3", "3/3"] * 2
    assert choose(project(GOOD), ["recipe-ema"], 1)[0].params["data"]["fold"] == "none"


def test_names_of_groups_and_variants_choose_runs_once_each(project):
    loaded = project(GOOD)
    runs = choose(loaded, ["quick-ce", "quick"], seeds=2)
    assert [run.name for run in runs[:4]] == [
        "quick-ce-s1",
        "quick-ce-s2",
        "quick-weighted_ce-s1",
        "quick-weighted_ce-s2",
    ]
    assert len(runs) == 2 * len(loaded.groups["quick"].variants)
    assert runs[1].params["seed"] == 2
    assert runs[0].params["loss"] == "ce"
    with pytest.raises(UserError, match="fast is neither a group nor a variant; choose from quick, study"):
        choose(loaded, ["fast"], 1)


def test_every_mistake_is_reported_at_once(project):
    content = yaml.safe_load((ROOT / "experiments.yaml").read_text())
    variants = content["groups"]["quick"]["variants"]
    variants["ce"]["set"] = {"los": "ce"}
    variants["ce_dice"]["set"] = {"loss": "dise", "train.epochs": "many"}
    variants["mit_b0"]["methods"] = ["magic"]
    variants["Bad Name"] = {"about": "?"}
    with pytest.raises(UserError) as caught:
        project(content)
    message = [line.removeprefix("experiments.yaml: ") for line in str(caught.value).splitlines()]
    assert "quick.ce.set: los is not a parameter; see params.yaml" in message
    assert any(line.startswith("quick.ce_dice.set: loss: 'dise' is unknown; choose from 'ce', ") for line in message)
    assert any(line.startswith("quick.ce_dice.set: train.epochs: 'many' is wrong") for line in message)
    assert "quick.mit_b0.methods: magic is not in `methods`" in message
    assert "quick.Bad Name: names are of a-z, 0-9 and _" in message
    assert len(message) == 5


def test_a_misspelt_key_of_the_file_itself(project):
    content = yaml.safe_load((ROOT / "experiments.yaml").read_text())
    content["groups"]["quick"]["variants"]["ce"]["abuot"] = content["groups"]["quick"]["variants"]["ce"].pop("about")
    with pytest.raises(UserError, match=r"experiments\.yaml: groups\.quick\.variants\.ce\.about is missing; add it"):
        project(content)


def test_laying_over_leaves_the_original(project):
    base = {"a": {"b": 1, "c": 2}}
    assert apply_overrides(base, {"a.b": 5}) == {"a": {"b": 5, "c": 2}}
    assert base == {"a": {"b": 1, "c": 2}}
    for key in ("a.x", "x", "a.b.c"):
        with pytest.raises(UserError, match=f"{key} is not a parameter"):
            apply_overrides(base, {key: 1})


def test_a_later_key_may_reach_into_an_earlier_value_without_changing_it():
    overrides = {"data": {"frames": 1}, "data.frames": 2}
    assert apply_overrides({"data": {"frames": 0}}, overrides) == {"data": {"frames": 2}}
    assert overrides["data"] == {"frames": 1}
