"""What `params.yaml` may say: one class per section, every key required, all errors reported together."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.misfits import misfits_of
from roadseg.pipeline.recipes import unknown_keys, with_recipe
from roadseg.pipeline.schema import read_yaml, validate
from roadseg.pipeline.sections import (
    ClassRow,
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
    or_else,
)

Share = Annotated[float, Field(ge=0, lt=1)]
Name = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"),
    or_else("a name is 1 to 64 letters, digits, - and _, and begins with one of the first two"),
]
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


class Data(Section):
    source: Literal["synthetic", "kitti", "seg_data", "cityscapes", "mapillary"]
    val_fraction: Share
    fold: Annotated[
        str, Field(pattern=r"^(none|\d{1,2}/\d{1,2})$"), or_else("write none, or 1/4 for the first of four")
    ]
    allow_leak: bool
    synthetic: Synthetic
    kitti: Kitti
    seg_data: SegData
    cityscapes: Cityscapes
    mapillary: Mapillary


class Dice(Section):
    ignored: Literal["left_out", "false_positives"]


class Lovasz(Section):
    every: PositiveInt


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
    epochs: NonNegativeInt
    batch_size: PositiveInt
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    optimizer: Literal["adam", "adamw", "sgd"]
    select: Literal["val", "test", "last", "all"]
    short_batch: Literal["by_frames", "as_full"]
    batch_norm: Literal["train", "frozen"]
    clip: NonNegativeFloat
    ema: Share
    weight_interpolation: Annotated[float, Field(ge=0, le=1)]
    logit_adjustment: Annotated[float, Field(ge=0, le=1)]
    decay: Literal["all", "weights"]
    freeze: Annotated[
        str,
        Field(pattern="^(none|encoder|[1-9][0-9]*)$", coerce_numbers_to_str=True),
        or_else("write none, encoder or a number of epochs"),
    ]
    precision: Precision
    compile: bool
    threads: Annotated[
        str,
        Field(pattern="^(machine|[1-9][0-9]{0,2})$", coerce_numbers_to_str=True),
        or_else("write machine, or a number from 1 to 999"),
    ]


class Predict(Section):
    engine: Literal["torch", "onnxruntime", "openvino"]
    batch_size: PositiveInt
    passes: Passes
    upsampling: Literal["bilinear", "bicubic", "class_map"]
    precision: Precision


class CheckLabels(Section):
    improbable: Share
    shown: PositiveInt


class Flops(Section):
    height: Annotated[int, Field(ge=32, le=4096)]
    width: Annotated[int, Field(ge=32, le=4096)]
    network: str


class Report(Section):
    pictures: PositiveInt
    frames: PositiveInt


class Params(Section):
    seed: Seed
    data: Data
    classes: str
    class_sets: dict[Name, ClassRow]
    model: str
    models: dict[str, Network]
    pretrained: str
    recipe: str
    recipes: dict[str, dict[str, Any]]
    loss: Literal["ce", "weighted_ce", "dice", "ce_dice", "ce_lovasz"]
    dice: Dice
    lovasz: Lovasz
    class_weights: ClassWeights
    schedule: Literal["constant", "cosine", "cosine_restarts", "plateau", "poly"]
    schedules: Schedules
    augment: Literal["none", "study", "strong"]
    augmentation: Augmentation
    input: Input
    train: Train
    predict: Predict
    check_labels: CheckLabels
    flops: Flops
    report: Report

    @property
    def network(self) -> Network:
        """The chosen row of the models."""
        return self.models[self.model]

    @property
    def class_row(self) -> ClassRow:
        """The chosen row of the classes."""
        return self.class_sets[self.classes]

    @property
    def schedule_row(self) -> Constant | Cosine | CosineRestarts | Plateau | Poly:
        """The chosen row of the schedules."""
        row: Constant | Cosine | CosineRestarts | Plateau | Poly = getattr(self.schedules, self.schedule)
        return row


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
    filled, missing = with_recipe(raw)
    params, problems = validate(Params, filled)
    malformed = {line.partition(":")[0] for line in problems}  # one line for each of these keys is enough
    misfits = [line for line in misfits_of(filled) if line.partition(":")[0] not in malformed]
    if missing or filled is raw:  # the word that nothing took the place of is no second problem
        problems = [line for line in problems if ": 'recipe' is " not in line]
    rows = params.recipes if params else {}
    unknown = [line for name, row in rows.items() for line in unknown_keys(row, Params, f"recipes.{name}")]
    return params, [printable(line) for line in missing + problems + unknown + misfits]
