"""Rules that values of params.yaml follow together: a line, with the remedy, for each one that is broken."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from roadseg.pipeline.schema import value_at

At = Callable[..., Any]  # the value under nested keys, None where there is none


def broken_rules(content: Any) -> list[str]:
    """Return a line for each value that doesn't go with the others.

    `content` is that of a parameter file, the recipe's values in place; it may hold any error at all.
    """
    at = partial(value_at, content)
    rules = _choices, _data, _augmentation, _validation, _pretrained, _prediction
    return [line for rule in rules for line in rule(at)]


def _choices(at: At) -> Iterator[str]:
    """Names of rows that are none."""
    for key, name, catalogue, others in (
        ("model", at("model"), at("models"), ()),
        ("classes", at("classes"), at("class_sets"), ()),
        ("flops.network", at("flops", "network"), at("models"), ("trained",)),
    ):
        rows = [*others, *map(str, catalogue)] if isinstance(catalogue, dict) else []
        if isinstance(name, str) and rows and name not in rows:
            yield f"{key}: {name!r} is unknown; choose from {', '.join(rows)}"


def _data(at: At) -> Iterator[str]:
    source, classes, file = at("data", "source"), at("classes"), at("class_file")
    section = at("data", source) if isinstance(source, str) else None
    if isinstance(section, dict) and "path" in section and not section["path"]:
        yield f"data.{source}.path is empty, but data.source is {source}; name the folder or archive"
    if classes == "own" and not file:
        yield "class_file is empty, but classes is own; name a YAML file of classes"
    if isinstance(file, str) and isinstance(classes, str) and classes != "own":
        yield f"class_file: {file}, but classes is {classes}; choose own, or leave the file empty"
    fold = at("data", "fold")
    if isinstance(fold, str) and re.fullmatch(r"\d{1,2}/\d{1,2}", fold):
        number, count = map(int, fold.split("/"))
        if not 1 <= number <= count or count == 1:
            yield f"data.fold: {fold} is no part of several; write 1/4, 2/4, 3/4 or 4/4, or none"


def _augmentation(at: At) -> Iterator[str]:
    augment, strong = at("augment"), partial(at, "augmentation", "strong")
    if augment == "strong" and at("class_weights", "labels") == "augmented":
        yield "class_weights.labels: augmented, but augment is strong; select files"
    smallest, largest = strong("scale_min"), strong("scale_max")
    if _is_number(smallest) and _is_number(largest) and smallest > largest:
        yield f"augmentation.strong.scale_min: {smallest} is above scale_max, which is {largest}; lower it"
    rare = strong("rare_class")
    if augment in ("none", "study") and _is_number(rare) and rare:
        yield f"augmentation.strong.rare_class: {rare:g}, but augment is {augment}, which doesn't crop; set it to 0"


def _validation(at: At) -> Iterator[str]:
    select, plateau, empty = at("train", "select"), at("schedule") == "plateau", at("data", "val_fraction") == 0
    if select == "val" and empty:
        yield "data.val_fraction: 0, but train.select is val, which needs a validation set; raise it, or select last"
    if plateau and select == "all":
        yield "schedule: plateau needs a validation set, but train.select: all trains on it; select last"
    if plateau and select == "last" and empty:
        yield "data.val_fraction: 0, but schedule: plateau needs a validation set; raise it"


def _pretrained(at: At) -> Iterator[str]:
    train, epochs, freeze = partial(at, "train"), at("train", "epochs"), at("train", "freeze")
    if str(freeze).isdecimal() and isinstance(epochs, int) and 1 <= epochs <= int(freeze):
        yield f"train.freeze: {freeze} is all of train.epochs, {epochs}; write encoder, or a smaller number"
    if at("pretrained") != "none":
        return
    for key in ("weight_interpolation", "logit_adjustment"):
        if train(key):
            yield f"train.{key}: {train(key)} needs pretrained weights; set pretrained, or it to 0"
    if freeze == "encoder":
        yield "train.freeze: encoder keeps random weights, as pretrained is none; set it, or freeze to none"
    if epochs == 0 and not isinstance(epochs, bool):
        yield "train.epochs: 0 keeps the weights that it starts from, but pretrained is none; set it, or one epoch"


def _prediction(at: At) -> Iterator[str]:
    window = [at("predict", "passes", side) for side in ("window_height", "window_width")]
    if None in window and window != [None, None]:
        yield "predict.passes: window_height and window_width go together; set both, or leave both empty"
    if at("train", "clip") and at("train", "precision") == "16-mixed":
        yield "train.clip: fused optimisers can't clip in 16-mixed; set train.precision to bf16-mixed, or clip to 0"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
