"""Values of params.yaml that don't go together; each mistake is made in the project's own file."""

import pytest
from conftest import PARAMS, changed

from roadseg.pipeline.catalogues import with_recipe
from roadseg.pipeline.rules import broken_rules

CASES = [
    ({"model": "unet"}, "model: 'unet' is unknown; choose from baseline_segnet, "),
    ({"classes": "mine"}, "classes: 'mine' is unknown; choose from cityscapes, "),
    ({"flops.network": "unet"}, "flops.network: 'unet' is unknown; choose from trained, baseline_segnet, "),
    ({"data.source": "kitti"}, None),
    ({"data.source": "seg_data"}, "data.seg_data.path is empty, but data.source is seg_data; name the folder"),
    ({"classes": "own"}, "class_file is empty, but classes is own; name a YAML file of classes"),
    ({"class_file": "a.yaml"}, "class_file: a.yaml, but classes is cityscapes; choose own, or leave the file empty"),
    ({"data.fold": "5/4"}, "data.fold: 5/4 is no part of several; write 1/4, 2/4, 3/4 or 4/4, or none"),
    ({"data.fold": "1/1"}, "data.fold: 1/1 is no part"),
    ({"data.fold": "4/4"}, None),
    ({"augment": "strong", "class_weights.labels": "augmented"}, "class_weights.labels: augmented, but augment is"),
    ({"augmentation.strong.scale_min": 2}, "augmentation.strong.scale_min: 2 is above scale_max, which is 1.3"),
    ({"augmentation.strong.rare_class": 1}, "augmentation.strong.rare_class: 1, but augment is none, which doesn't"),
    ({"augmentation.strong.rare_class": 1, "augment": "strong"}, None),
    ({"data.val_fraction": 0}, "data.val_fraction: 0, but train.select is val, which needs a validation set"),
    ({"schedule": "plateau", "train.select": "all"}, "schedule: plateau needs a validation set, but train.select: all"),
    (
        {"schedule": "plateau", "train.select": "last", "data.val_fraction": 0},
        "data.val_fraction: 0, but schedule: plateau needs a validation set; raise it",
    ),
    ({"schedule": "plateau", "train.select": "last"}, None),
    ({"train.freeze": 16}, "train.freeze: 16 is all of train.epochs, 16; write encoder, or a smaller number"),
    ({"train.freeze": 15}, None),
    ({"train.freeze": "encoder"}, "train.freeze: encoder keeps random weights, as pretrained is none"),
    ({"train.freeze": "encoder", "pretrained": "imagenet"}, None),
    ({"train.epochs": 0}, "train.epochs: 0 keeps the weights that it starts from, but pretrained is none"),
    ({"train.epochs": 0, "pretrained": "imagenet"}, None),
    ({"train.weight_interpolation": 0.5}, "train.weight_interpolation: 0.5 needs pretrained weights; set pretrained"),
    ({"train.logit_adjustment": 0.5}, "train.logit_adjustment: 0.5 needs pretrained weights; set pretrained"),
    ({"predict.passes.window_height": 64}, "predict.passes: window_height and window_width go together; set both"),
    ({"train.clip": 1, "train.precision": "16-mixed"}, "train.clip: fused optimisers can't clip in 16-mixed; set"),
]


@pytest.mark.parametrize(("changes", "line"), CASES, ids=[str(changes) for changes, _ in CASES])
def test_what_does_not_go_together_is_one_line(changes, line):
    broken = broken_rules(with_recipe(changed(PARAMS, changes))[0])
    assert len(broken) == (line is not None)
    assert line is None or broken[0].startswith(line)


@pytest.mark.parametrize("content", [None, [], {}, {"data": 3, "train": {"freeze": None}, "models": []}])
def test_any_content_can_be_asked(content):
    assert broken_rules(content) == []
