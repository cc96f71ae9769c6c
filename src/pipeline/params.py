"""What `params.yaml` may say: one class per section, every key required, all errors reported together."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from pipeline import paths
from pipeline.schema import read_yaml, validate
from roadseg.errors import UserError
from roadseg.specs import Constant, Cosine, CosineRestarts, Input, Network, Plateau, Poly, Precision, Section

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
    allow_leak: bool
    synthetic: Synthetic
    kitti: Kitti
    seg_data: SegData
    cityscapes: Cityscapes
    mapillary: Mapillary
    also: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")], Further]


class Dice(Section):
    ignored: Literal["left_out", "false_positives"]


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


class Train(Section):
    epochs: PositiveInt
    batch_size: PositiveInt
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    optimizer: Literal["adam", "adamw", "sgd"]
    select: Literal["val", "test", "last"]
    short_batch: Literal["by_frames", "as_full"]
    precision: Precision
    compile: bool


class Predict(Section):
    batch_size: PositiveInt
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
    loss: Literal["ce", "weighted_ce", "dice", "ce_dice"]
    dice: Dice
    class_weights: ClassWeights
    schedule: Literal["constant", "cosine", "cosine_restarts", "plateau", "poly"]
    schedules: Schedules
    augment: Literal["none", "study"]
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
    """Return the checked content of a parameter file (None where it has no valid form) and a line for each problem."""
    params, problems = validate(Params, raw)
    return params, problems + _broken_references(raw)


def _broken_references(raw: Any) -> list[str]:
    """Find values that are well-formed but don't fit other keys; `raw` may hold any error at all."""

    def at(*keys: str) -> Any:
        value = raw
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    models = at("models")
    if not isinstance(models, dict):
        return []  # a problem of its own, which the form of the file has shown
    rows = [str(name) for name in models]
    problems = []
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
    return problems


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
