"""Values of params.yaml that don't fit each other; each mistake is made in the project's own file."""

import yaml
from conftest import ROOT

from pipeline.misfits import misfits_of
from pipeline.recipes import with_recipe


def misfits(changes):
    raw = yaml.safe_load((ROOT / "params.yaml").read_text())
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = raw
        for name in sections:
            section = section[name]
        section[last] = value
    return misfits_of(with_recipe(raw)[0])


def test_a_schedule_that_watches_needs_frames_to_watch():
    assert misfits({"schedule": "plateau", "train.select": "all"}) == [
        "schedule: plateau watches held-out frames, but train.select: all trains on them; select last",
    ]


def test_what_needs_pretrained_weights_is_refused_without():
    changes = {"train.keep_start": 0.5, "train.members": 3, "train.l2_sp": 0.1}
    needs = "needs pretrained weights; set pretrained, or it to"
    assert misfits(changes) == [
        f"train.keep_start: 0.5 {needs} 0",
        f"train.l2_sp: 0.1 {needs} 0",
        f"train.members: 3 {needs} 1",
    ]
    assert misfits(changes | {"pretrained": "imagenet"}) == []


def test_label_smoothing_is_refused_where_it_would_do_nothing():
    assert misfits({"loss": "focal", "label_smoothing": 0.1}) == [
        "label_smoothing is for ce and ce_dice, but loss is focal; set it to 0 or change loss",
    ]


def test_class_weights_are_not_counted_in_crops():
    assert misfits({"augment": "strong", "class_weights.labels": "augmented"}) == [
        "class_weights.labels: augmented, but augment is strong; select files",
    ]


def test_a_file_that_holds_anything_at_all_has_no_misfits_of_its_own():
    for raw in (None, 3, [], {"models": 5, "data": [], "train": "x", "augmentation": {"strong": {"scale_min": "y"}}}):
        assert misfits_of(raw) == []
