"""What `params.yaml` may say: one class per section, every key required, all errors reported together."""

import re
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from pipeline import paths
from pipeline.recipes import unknown_keys, with_recipe
from pipeline.schema import read_yaml, validate
from roadseg.errors import UserError
from roadseg.specs import (
    Constant,
    Cosine,
    CosineRestarts,
    Input,
    Network,
    Passes,
    Plateau,
    Poly,
    Precision,
    Section,
    Strong,
)

Share = Annotated[float, Field(ge=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Synthetic(Section):
    train_frames: Annotated[int, Field(ge=2, le=1_000_000)]
    test_frames: Annotated[int, Field(ge=1, le=1_000_000)]
    height: Annotated[int, Field(ge=64, le=4096)]
    width: Annotated[int, Field(ge=64, le=4096)]
    seed: Seed


class Kitti(Section):
    url: str
    sha256: str | None


class SegData(Section):
    path: str | None


class Cityscapes(Section):
    path: str | None


class Mapillary(Section):
    path: str | None


class Further(Section):
    share: Share
    path: str | None = None
    source: Literal["synthetic"] | None = None


class Data(Section):
    source: Literal["synthetic", "kitti", "seg_data", "cityscapes", "mapillary"]
    val_fraction: Share
    fold: Annotated[str, Field(pattern=r"^(none|[1-9]\d?/[1-9]\d?)$")]
    allow_leak: bool
    synthetic: Synthetic
    kitti: Kitti
    seg_data: SegData
    cityscapes: Cityscapes
    mapillary: Mapillary
    also: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")], Further]


class Dice(Section):
    ignored: Literal["left_out", "false_positives"]


class Ohem(Section):
    threshold: Annotated[float, Field(gt=0, le=1)]
    min_share: Annotated[float, Field(gt=0, le=1)]


class Focal(Section):
    gamma: NonNegativeFloat


class ClassWeights(Section):
    method: Literal["study", "inverse", "median_frequency", "effective_number", "none"]
    beta: Share
    labels: Literal["files", "augmented"]


class Schedules(Section):
    constant: Constant
    cosine: Cosine
    cosine_restarts: CosineRestarts
    plateau: Plateau
    poly: Poly


class Augmentation(Section):
    label_fill: Literal[0, 255]
    draws: Literal["fresh", "frozen"]
    strong: Strong


class Train(Section):
    epochs: PositiveInt
    batch_size: PositiveInt
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    optimizer: Literal["adam", "adamw", "sgd"]
    select: Literal["val", "test", "last", "all"]
    short_batch: Literal["by_frames", "as_full"]
    batch_norm: Literal["train", "frozen"]
    clip: NonNegativeFloat
    ema: Share
    keep_start: Annotated[float, Field(ge=0, le=1)]
    average_last: PositiveInt
    members: PositiveInt
    l2_sp: NonNegativeFloat
    keep_logits: NonNegativeFloat
    aux: NonNegativeFloat
    head_lr: PositiveFloat
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    decay: Literal["all", "weights"]
    freeze: Annotated[str, Field(pattern="^(none|encoder|[1-9][0-9]*)$", coerce_numbers_to_str=True)]
    precision: Precision
    compile: bool


class Predict(Section):
    batch_size: PositiveInt
    passes: Passes
    enlarge: Literal["logits", "classes"]
    precision: Precision


class Flops(Section):
    height: Annotated[int, Field(ge=32, le=4096)]
    width: Annotated[int, Field(ge=32, le=4096)]
    network: str


class Report(Section):
    pictures: PositiveInt


class Params(Section):
    seed: Seed
    data: Data
    model: str
    models: dict[str, Network]
    pretrained: str
    recipe: str
    recipes: dict[str, dict[str, Any]]
    loss: Literal["ce", "weighted_ce", "dice", "ce_dice", "ce_lovasz", "ohem", "focal"]
    label_smoothing: Share
    dice: Dice
    ohem: Ohem
    focal: Focal
    class_weights: ClassWeights
    schedule: Literal["constant", "cosine", "cosine_restarts", "plateau", "poly"]
    schedules: Schedules
    augment: Literal["none", "study", "strong"]
    augmentation: Augmentation
    input: Input
    train: Train
    predict: Predict
    flops: Flops
    report: Report


def load_params() -> Params:
    """Read `params.yaml`; a UserError lists every problem in it, a line each."""
    params, problems = check_params(read_yaml(paths.PARAMS))
    if params is None or problems:
        raise UserError("\n".join(f"{paths.PARAMS}: {line}" for line in problems))
    return params


def check_params(raw: Any) -> tuple[Params | None, list[str]]:
    """Return the checked content of a parameter file, the recipe's values in place, and a line for each problem.

    The content is None where it has no valid form.
    """
    raw, missing = with_recipe(raw)
    params, problems = validate(Params, raw)
    misfits = _misfits_in_training(raw)
    if missing:  # the word that nothing took the place of is no second problem
        problems = [line for line in problems if ": 'recipe' is " not in line]
        misfits = [line for line in misfits if ": recipe needs " not in line]
    rows = params.recipes if params else {}
    unknown = [line for name, row in rows.items() for line in unknown_keys(row, Params, f"recipes.{name}")]
    return params, missing + problems + unknown + _broken_references(raw) + misfits


def _broken_references(raw: Any) -> list[str]:
    """Find values that are well-formed but don't fit other keys; `raw` may hold any error at all."""
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
    problems += _broken_further(at("data", "also"))
    if at("train", "select") == "val" and at("data", "val_fraction") == 0:
        problems.append("data.val_fraction: 0, but train.select is val; hold some frames out or select last")
    if isinstance(fold := at("data", "fold"), str) and re.fullmatch(r"\d+/\d+", fold):
        number, count = map(int, fold.split("/"))
        if not 1 <= number <= count or count == 1:
            problems.append(f"data.fold: {fold} is no part of several; write 1/4, 2/4, 3/4 or 4/4, or none")
    window = [at("predict", "passes", side) for side in ("window_height", "window_width")]
    if None in window and window != [None, None]:
        problems.append("predict.passes: window_height and window_width go together; set both, or leave both empty")
    return problems


def _misfits_in_training(raw: Any) -> list[str]:
    """Find parts of the training that exclude each other; `raw` may hold any error at all."""
    at, problems = partial(_at, raw), []
    if at("label_smoothing") and (loss := at("loss")) not in ("ce", "ce_dice"):
        problems.append(f"label_smoothing is for ce and ce_dice, but loss is {loss}; set it to 0 or change loss")
    if at("train", "select") == "all" and at("schedule") == "plateau":
        problems.append("schedule: plateau watches held-out frames, but train.select: all trains on them; select last")
    last, epochs = at("train", "average_last"), at("train", "epochs")
    if isinstance(last, int) and last > 1 and (select := at("train", "select")) in ("val", "test"):
        problems.append(f"train.average_last: {last}, but train.select is {select}, which keeps one epoch; select last")
    if isinstance(last, int) and isinstance(epochs, int) and 1 <= epochs < last:
        problems.append(f"train.average_last: {last} is more than train.epochs, {epochs}; set it to {epochs} or less")
    if at("pretrained") == "none":
        off = {"keep_start": 0, "l2_sp": 0, "keep_logits": 0, "members": 1}
        problems += [
            f"train.{key}: {at('train', key)} needs pretrained weights; set pretrained, or it to {value}"
            for key, value in off.items()
            if at("train", key) not in (None, value)
        ]
    if at("train", "aux") and at("train", "compile") is True:
        problems.append("train.aux: the second head can't be with train.compile: true; set one of them off")
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


def _broken_further(also: Any) -> list[str]:
    rows = {name: row for name, row in also.items() if isinstance(row, dict)} if isinstance(also, dict) else {}
    problems = [
        f"data.also.{name} names {'both a path and a source' if row.get('path') else 'no path and no source'}; "
        "name a path, or source: synthetic"
        for name, row in rows.items()
        if bool(row.get("path")) == bool(row.get("source"))
    ]
    if (number := sum(bool(row.get("path")) for row in rows.values())) > (most := len(paths.INPUTS_FURTHER)):
        problems.append(f"data.also names {number} paths, and may name {most}; put several into one folder")
    shares = [row["share"] for row in rows.values() if isinstance(row.get("share"), int | float)]
    if (total := sum(shares)) >= 1 and all(0 <= share < 1 for share in shares):
        problems.append(
            f"data.also: the shares add up to {total:g}, which leaves nothing for the main frames; lower them"
        )
    return problems
