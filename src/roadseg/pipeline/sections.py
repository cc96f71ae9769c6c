"""The sections of params.yaml and the rows of conf/, as checked types that the library takes whole.

What a value means is said once, beside it in params.yaml and conf/.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BeforeValidator, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, WrapValidator
from pydantic_core import PydanticCustomError


def or_else(remedy: str) -> WrapValidator:
    """Return what makes a value of the wrong form be answered by `remedy`, and not by a pattern."""

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except pydantic.ValidationError:
            raise PydanticCustomError("form", remedy) from None

    return WrapValidator(check)


Precision = Literal["32-true", "bf16-mixed", "16-mixed"]  # Lightning Fabric's names
SourceName = Literal["synthetic", "kitti", "seg_data", "cityscapes", "mapillary"]
Side = Annotated[int, Field(ge=64, le=8192, multiple_of=32)]  # the encoders halve it five times
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Probability = Annotated[float, Field(ge=0, le=1)]
ClassName = Annotated[  # one line of a text file
    str,
    Field(pattern=r"^[^\s\p{C}]([^\n\p{C}]{0,62}[^\s\p{C}])?$"),
    or_else("a class's name is 1 to 64 characters of one line, without a space at its ends"),
]
RowName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"),
    or_else("a name is 1 to 64 letters, digits, - and _, and begins with one of the first two"),
]
Values = Annotated[str, Field(coerce_numbers_to_str=True)]


class Section(pydantic.BaseModel):
    """A section of a file: all its keys are known, and a checked one doesn't change."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _is_no_truth(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        """Refuse yes and no for a number, which Python would count with."""
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation in (int, float):
            raise PydanticCustomError("number", "write a number")
        return value


# --- data and classes


class Synthetic(Section):
    train_frames: Annotated[int, Field(ge=2, le=1_000_000)]
    test_frames: Annotated[int, Field(ge=1, le=1_000_000)]
    height: Annotated[int, Field(ge=64, le=4096)]
    width: Annotated[int, Field(ge=64, le=4096)]
    seed: Seed


class Kitti(Section):
    url: str
    sha256: str | None


class Folder(Section):
    """Frames in a folder or archive of the user's."""

    path: str | None


class Data(Section):
    source: SourceName
    val_fraction: Fraction
    fold: Annotated[
        str, Field(pattern=r"^(none|\d{1,2}/\d{1,2})$"), or_else("write none, or 1/4 for the first of four")
    ]
    allow_leak: bool
    synthetic: Synthetic
    kitti: Kitti
    seg_data: Folder
    cityscapes: Folder
    mapillary: Folder

    @property
    def path(self) -> str | None:
        """The folder or archive of the chosen source, None where it needs none."""
        section = getattr(self, self.source)
        return section.path if isinstance(section, Folder) else None


def _without_color(entry: Any) -> Any:
    if isinstance(entry, int | float):  # bool as well, which is what YAML makes of no
        raise PydanticCustomError("name", "put a name that is a number, yes or no in quotes")
    return {entry: None} if isinstance(entry, str) else entry


class ClassRow(Section):
    """A set of classes, and what in a label file means which of them."""

    labels: Literal["grey", "colors", "palette"] = "grey"
    classes: list[
        Annotated[dict[ClassName, str | None], BeforeValidator(_without_color), Field(min_length=1, max_length=1)]
    ] = Field(default_factory=list)
    values: dict[str, Values] = Field(default_factory=dict)
    ignore: Values = ""

    @property
    def names(self) -> list[str]:
        """The classes' names in the order of their ids."""
        return [name for entry in self.classes for name in entry]

    @property
    def colors(self) -> list[str]:
        """The text of each class's colour; nothing where it has none."""
        return [color or "" for entry in self.classes for color in entry.values()]


# --- networks and their weights


class Source(Section):
    """Where weights are, and the SHA-256 of their file where it is known."""

    source: str
    sha256: Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$"), or_else("write its 64 hex digits")] | None = None


def _in_full(source: Any) -> Any:
    return {"source": source} if isinstance(source, str) else source


class Network(Section):
    """A network: its architecture by name, its encoder and keyword arguments, and where weights for it are."""

    arch: str
    encoder: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    pretrained: dict[str, Annotated[Source, BeforeValidator(_in_full)]] = Field(default_factory=dict)


# --- what the network sees


class Input(Section):
    height: Side
    width: Side
    resize: Literal["area", "linear", "study"]


class Strong(Section):
    """How `augment: strong` crops frames, and how often it shows rare classes."""

    crop_height: Side
    crop_width: Side
    scale_min: Annotated[float, Field(ge=0.1, le=10)]
    scale_max: Annotated[float, Field(ge=0.1, le=10)]
    max_class_share: Annotated[float, Field(gt=0, le=1)]
    rare_class: Probability
    rare_class_temperature: Annotated[float, Field(ge=0.001)]


def crop_size(strong: Strong, target: Input) -> tuple[int, int]:
    """Return the (height, width) in pixels of a crop, at most the input's."""
    return min(strong.crop_height, target.height), min(strong.crop_width, target.width)


class Augmentation(Section):
    label_fill: Literal[0, 255]
    draws: Literal["fresh", "frozen"]
    strong: Strong


# --- training


class Dice(Section):
    ignored: Literal["left_out", "false_positives"]


class Lovasz(Section):
    every: PositiveInt


class ClassWeights(Section):
    method: Literal["study", "inverse", "median_frequency", "effective_number", "none"]
    beta: Fraction
    labels: Literal["files", "augmented"]


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
    patience: NonNegativeInt


class Poly(Section):
    power: PositiveFloat
    warmup_epochs: NonNegativeFloat


Schedule = Constant | Cosine | CosineRestarts | Plateau | Poly


class Schedules(Section):
    constant: Constant
    cosine: Cosine
    cosine_restarts: CosineRestarts
    plateau: Plateau
    poly: Poly


class Train(Section):
    epochs: NonNegativeInt
    batch_size: PositiveInt
    lr: PositiveFloat
    weight_decay: NonNegativeFloat
    decay: Literal["all", "weights"]
    optimizer: Literal["adam", "adamw", "sgd"]
    clip: NonNegativeFloat
    batch_norm: Literal["train", "frozen"]
    freeze: Annotated[
        str,
        Field(pattern="^(none|encoder|[1-9][0-9]*)$", coerce_numbers_to_str=True),
        or_else("write none, encoder or a number of epochs"),
    ]
    short_batch: Literal["by_frames", "as_full"]
    select: Literal["val", "test", "last", "all"]
    ema: Fraction
    weight_interpolation: Probability
    logit_adjustment: Probability
    precision: Precision
    compile: bool
    threads: Annotated[
        str,
        Field(pattern="^(machine|[1-9][0-9]{0,2})$", coerce_numbers_to_str=True),
        or_else("write machine, or a number from 1 to 999"),
    ]


# --- prediction and what follows


class Passes(Section):
    """Test-time augmentation: what a prediction is the mean of."""

    flip: bool
    scales: Annotated[list[Annotated[float, Field(gt=0, le=8)]], Field(min_length=1)]
    window_height: Side | None
    window_width: Side | None
    overlap: Fraction


class Predict(Section):
    engine: Literal["torch", "onnxruntime", "openvino"]
    batch_size: PositiveInt
    passes: Passes
    upsampling: Literal["bilinear", "bicubic", "class_map"]
    precision: Precision


class CheckLabels(Section):
    improbable: Fraction
    shown: PositiveInt


class Flops(Section):
    height: Annotated[int, Field(ge=32, le=4096)]
    width: Annotated[int, Field(ge=32, le=4096)]
    network: str


class Report(Section):
    pictures: PositiveInt
    frames: PositiveInt
