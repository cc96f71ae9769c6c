"""Values of params.yaml that don't fit each other; each mistake is made in the project's own file."""

import yaml
from conftest import ROOT

from roadseg.pipeline.misfits import misfits_of
from roadseg.pipeline.recipes import with_recipe


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


def test_a_schedule_that_watches_is_refused_where_no_frame_is_held_out():
    changes = {"schedule": "plateau", "train.select": "last", "data.val_fraction": 0}
    assert misfits(changes) == ["data.val_fraction: 0, but schedule: plateau watches held-out frames; hold some out"]
    assert misfits(changes | {"data.val_fraction": 0.1}) == []


def test_what_only_crops_do_is_refused_without_them():
    changes = {"augmentation.strong.rare_class": 1}
    assert misfits(changes) == [
        "augmentation.strong.rare_class: 1, but augment is none, which doesn't crop; set it to 0",
    ]
    assert misfits(changes | {"augment": "strong"}) == []


def test_an_encoder_that_stays_in_all_epochs_is_called_so():
    assert misfits({"train.freeze": 16}) == [
        "train.freeze: 16 is all of train.epochs, 16; write encoder, or a smaller number"
    ]
    assert misfits({"train.freeze": 15}) == []


def test_what_needs_pretrained_weights_is_refused_without():
    changes = {"train.weight_interpolation": 0.5, "train.logit_adjustment": 1.0}
    needs = "needs pretrained weights; set pretrained, or it to"
    assert misfits(changes) == [
        f"train.weight_interpolation: 0.5 {needs} 0",
        f"train.logit_adjustment: 1.0 {needs} 0",
    ]
    assert misfits(changes | {"pretrained": "imagenet"}) == []


def test_no_epoch_needs_weights_to_keep():
    assert misfits({"train.epochs": 0}) == [
        "train.epochs: 0 keeps the weights that it starts from, but pretrained is none; set it, or one epoch",
    ]
    assert misfits({"train.epochs": 0, "pretrained": "imagenet"}) == []


def test_class_weights_are_not_counted_in_crops():
    assert misfits({"augment": "strong", "class_weights.labels": "augmented"}) == [
        "class_weights.labels: augmented, but augment is strong; select files",
    ]


def test_an_encoder_at_random_is_not_to_be_kept():
    assert misfits({"train.freeze": "encoder"}) == [
        "train.freeze: encoder keeps random weights, as pretrained is none; set it, or freeze to none"
    ]
    assert misfits({"train.freeze": "encoder", "pretrained": "file:x"}) == []


def test_a_file_that_holds_anything_at_all_has_no_misfits_of_its_own():
    for raw in (None, 3, [], {"models": 5, "data": [], "train": "x", "augmentation": {"strong": {"scale_min": "y"}}}):
        assert misfits_of(raw) == []
