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
    changes = {"train.weight_interpolation": 0.5, "train.members": 3, "train.l2_sp": 0.1}
    needs = "needs pretrained weights; set pretrained, or it to"
    assert misfits(changes) == [
        f"train.weight_interpolation: 0.5 {needs} 0",
        f"train.l2_sp: 0.1 {needs} 0",
        f"train.members: 3 {needs} 1",
    ]
    assert misfits(changes | {"pretrained": "imagenet"}) == []


def test_no_epoch_needs_weights_to_keep():
    assert misfits({"train.epochs": 0}) == [
        "train.epochs: 0 keeps the weights that it starts from, but pretrained is none; set it, or one epoch",
    ]
    assert misfits({"train.epochs": 0, "pretrained": "imagenet", "train.average_last": 1}) == []


def test_label_smoothing_is_refused_where_it_would_do_nothing():
    assert misfits({"loss": "focal", "label_smoothing": 0.1}) == [
        "label_smoothing is for ce and ce_dice, but loss is focal; set it to 0 or change loss",
    ]


def test_class_weights_are_not_counted_in_crops():
    assert misfits({"augment": "strong", "class_weights.labels": "augmented"}) == [
        "class_weights.labels: augmented, but augment is strong; select files",
    ]


def test_an_encoder_at_random_is_not_to_be_kept():
    assert misfits({"train.freeze": "encoder"}) == [
        "train.freeze: encoder keeps random weights, as pretrained is none; set it, or freeze to none"
    ]
    assert misfits({"train.freeze": "encoder", "pretrained": "file:x"}) == []


def test_frames_without_labels_need_a_teacher_and_room():
    mine = {"data.unlabelled.source": "images", "data.unlabelled.path": "x"}
    assert misfits(mine) == [
        "data.unlabelled: nothing teaches them; set distill.teacher, or data.unlabelled.source to none"
    ]
    taught = mine | {"distill.teacher": "cityscapes"}
    assert misfits(taught) == []
    assert misfits(taught | {"data.unlabelled.path": None}) == [
        "data.unlabelled.path is empty, but its source is images; name the folder or archive"
    ]
    assert misfits(taught | {"data.unlabelled.source": "kitti"}) == [
        "data.unlabelled.source: kitti goes with data.source: kitti; unpack the images and name them"
    ]
    assert misfits(taught | {"data.also": {"unlabelled": {"path": "y", "share": 0.5}}}) == [
        "data.also.unlabelled: data.unlabelled has that name already; choose another",
        "data.unlabelled.share: with those of data.also the shares add up to 1; lower them below 1",
    ]


def test_a_teacher_is_of_the_catalogue():
    (line,) = misfits({"distill.model": "tiny"})
    assert line.startswith("distill.model: 'tiny' is not in the catalogue `models`; choose from baseline_segnet, ")


def test_a_file_that_holds_anything_at_all_has_no_misfits_of_its_own():
    for raw in (None, 3, [], {"models": 5, "data": [], "train": "x", "augmentation": {"strong": {"scale_min": "y"}}}):
        assert misfits_of(raw) == []
