"""Values of `params.yaml` that are well-formed but don't fit each other: a line for each, with the remedy."""

import re
from functools import partial
from typing import Any


def misfits_of(raw: Any) -> list[str]:
    """Return a line for each value that doesn't fit other keys.

    `raw` is the content of a parameter file, the recipe's values in place; it may hold any error at all.
    """
    return _broken_references(raw) + _misfits_in_training(raw)


def _broken_references(raw: Any) -> list[str]:
    at = partial(_at, raw)
    problems = []
    if at("augment") == "strong" and at("class_weights", "labels") == "augmented":
        problems.append("class_weights.labels: augmented, but augment is strong; select files")
    scales = [at("augmentation", "strong", key) for key in ("scale_min", "scale_max")]
    if all(isinstance(scale, int | float) for scale in scales) and scales[0] > scales[1]:
        problems.append(
            f"augmentation.strong.scale_min: {scales[0]} is above scale_max, which is {scales[1]}; lower it"
        )
    models = at("models")
    if not isinstance(models, dict):
        return problems  # a problem of its own, which the form of the file has shown
    rows = [str(name) for name in models]
    if isinstance(model := at("model"), str) and model not in rows:
        problems.append(f"model: {model!r} is not in the catalogue `models`; choose from {', '.join(rows)}")
    if isinstance(network := at("flops", "network"), str) and network not in ("trained", *rows):
        problems.append(f"flops.network: {network!r} is unknown; choose from trained, {', '.join(rows)}")
    source = at("data", "source")
    if source in ("seg_data", "cityscapes", "mapillary") and not at("data", source, "path"):
        problems.append(f"data.{source}.path is empty, but data.source is {source}; name the folder or archive")
    if at("train", "select") == "val" and at("data", "val_fraction") == 0:
        problems.append("data.val_fraction: 0, but train.select is val; hold some frames out or select last")
    if isinstance(fold := at("data", "fold"), str) and re.fullmatch(r"\d{1,2}/\d{1,2}", fold):
        number, count = map(int, fold.split("/"))
        if not 1 <= number <= count or count == 1:
            problems.append(f"data.fold: {fold} is no part of several; write 1/4, 2/4, 3/4 or 4/4, or none")
    window = [at("predict", "passes", side) for side in ("window_height", "window_width")]
    if None in window and window != [None, None]:
        problems.append("predict.passes: window_height and window_width go together; set both, or leave both empty")
    return problems


def _misfits_in_training(raw: Any) -> list[str]:
    at, problems = partial(_at, raw), []
    if at("train", "select") == "all" and at("schedule") == "plateau":
        problems.append("schedule: plateau watches held-out frames, but train.select: all trains on them; select last")
    if at("schedule") == "plateau" and at("train", "select") == "last" and at("data", "val_fraction") == 0:
        problems.append("data.val_fraction: 0, but schedule: plateau watches held-out frames; hold some out")
    rare_class, augment = at("augmentation", "strong", "rare_class"), at("augment")
    if isinstance(rare_class, int | float) and rare_class and augment in ("none", "study"):
        problems.append(
            f"augmentation.strong.rare_class: {rare_class:g}, but augment is {augment}, which doesn't crop; set it to 0"
        )
    if at("pretrained") == "none":
        problems += [
            f"train.{key}: {at('train', key)} needs pretrained weights; set pretrained, or it to 0"
            for key in ("weight_interpolation", "logit_adjustment")
            if at("train", key)
        ]
    freeze, epochs = at("train", "freeze"), at("train", "epochs")
    if at("pretrained") == "none" and freeze == "encoder":
        problems.append("train.freeze: encoder keeps random weights, as pretrained is none; set it, or freeze to none")
    if str(freeze).isdecimal() and isinstance(epochs, int) and 1 <= epochs <= int(freeze):
        problems.append(f"train.freeze: {freeze} is all of train.epochs, {epochs}; write encoder, or a smaller number")
    if at("pretrained") == "none" and epochs == 0:
        problems.append(
            "train.epochs: 0 keeps the weights that it starts from, but pretrained is none; set it, or one epoch"
        )
    if at("train", "clip") and at("train", "precision") == "16-mixed":
        problems.append(
            "train.clip: fused optimisers can't clip in 16-mixed; set train.precision to bf16-mixed, or clip to 0"
        )
    return problems


def _at(raw: Any, *keys: str) -> Any:
    """The value under nested keys, None where there is none."""
    value = raw
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
