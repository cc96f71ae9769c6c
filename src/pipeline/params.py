"""What `params.yaml` may say: one class a section, every key required, all mistakes told at once."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from pipeline import paths
from pipeline.schema import Section, read_yaml, validate
from roadseg.errors import UserError

Share = Annotated[float, Field(ge=0, lt=1)]
Side = Annotated[int, Field(ge=64, multiple_of=32)]  # the encoders halve it five times


class Synthetic(Section):
    train_frames: PositiveInt
    test_frames: PositiveInt
    height: Annotated[int, Field(ge=64)]
    width: Annotated[int, Field(ge=64)]
    seed: int


class Kitti(Section):
    url: str
    sha256: str | None


class SegData(Section):
    path: str | None


class Data(Section):
    source: Literal["synthetic", "kitti", "seg_data"]
    val_fraction: Share
    synthetic: Synthetic
    kitti: Kitti
    seg_data: SegData


class Network(Section):
    """A row of the catalogue: an architecture by name, its encoder and keyword arguments, and where weights are."""

    arch: str
    encoder: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    pretrained: dict[str, str] = Field(default_factory=dict)


class ClassWeights(Section):
    method: Literal["study", "inverse", "median_frequency", "effective_number", "none"]
    beta: Share
    labels: Literal["files", "augmented"]


class Schedules(Section):
    class Constant(Section):
        pass

    class Cosine(Section):
        eta_min: NonNegativeFloat

    class CosineRestarts(Section):
        t_0: PositiveInt
        t_mult: PositiveInt
        eta_min: NonNegativeFloat

    class Plateau(Section):
        factor: Annotated[float, Field(gt=0, lt=1)]
        patience: Annotated[int, Field(ge=0)]

    class Poly(Section):
        power: PositiveFloat
        warmup_epochs: NonNegativeFloat

    constant: Constant
    cosine: Cosine
    cosine_restarts: CosineRestarts
    plateau: Plateau
    poly: Poly


class Augmentation(Section):
    label_fill: Literal[0, 255]
    draws: Literal["fresh", "frozen"]


class Input(Section):
    height: Side
    width: Side
    resize: Literal["area", "linear", "study"]


Precision = Literal["32-true", "bf16-mixed", "16-mixed"]  # of roadseg.precision, which would import torch


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
    height: PositiveInt
    width: PositiveInt
    network: str


class Report(Section):
    pictures: PositiveInt


class Params(Section):
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    data: Data
    model: str
    models: dict[str, Network]
    pretrained: str
    loss: Literal["ce", "weighted_ce", "dice", "ce_dice"]
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
    """Check the content of a parameter file: what it says, and a line for each problem."""
    params, problems = validate(Params, raw)
    return params, problems + _broken_references(raw)


def _broken_references(raw: Any) -> list[str]:
    """Find values that are well-formed but don't fit other keys; `raw` may hold any mistake at all."""

    def at(*keys: str) -> Any:
        value = raw
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    rows = list(at("models") or ())
    problems = []
    if isinstance(model := at("model"), str) and model not in rows:
        problems.append(f"model: {model!r} is not in the catalogue `models`; there are {', '.join(rows)}")
    if isinstance(network := at("flops", "network"), str) and network not in ("trained", *rows):
        problems.append(f"flops.network: {network!r} is unknown; there are trained, {', '.join(rows)}")
    if at("data", "source") == "seg_data" and not at("data", "seg_data", "path"):
        problems.append("data.seg_data.path is empty, but data.source is seg_data; give the folder or zip")
    if at("train", "select") == "val" and at("data", "val_fraction") == 0:
        problems.append("data.val_fraction: 0, but train.select is val; hold some frames out or select last")
    return problems
