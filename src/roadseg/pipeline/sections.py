"""Rows of params.yaml that the library takes whole: checked once, then passed on as they are."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt, WrapValidator
from pydantic_core import PydanticCustomError


def or_else(remedy: str) -> WrapValidator:
    """Let a value of the wrong form be answered by what to write in its place, and not by a pattern."""

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except pydantic.ValidationError:
            raise PydanticCustomError("form", remedy) from None

    return WrapValidator(check)


Precision = Literal["32-true", "bf16-mixed", "16-mixed"]  # Lightning Fabric's names
Side = Annotated[int, Field(ge=64, le=8192, multiple_of=32)]  # the encoders halve it five times
ClassName = Annotated[  # one line of a text file
    str,
    Field(pattern=r"^[^\s\p{C}]([^\n\p{C}]{0,62}[^\s\p{C}])?$"),
    or_else("a class's name is 1 to 64 characters of one line, without a space at its ends"),
]
Values = Annotated[str, Field(coerce_numbers_to_str=True)]
Probability = Annotated[float, Field(ge=0, le=1)]


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


class Source(Section):
    """Where weights are, and the SHA-256 of their file where it is known."""

    source: str
    sha256: Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$"), or_else("write its 64 hex digits")] | None = None


def _in_full(source: Any) -> Any:
    return {"source": source} if isinstance(source, str) else source


class Network(Section):
    """A row of the catalogue: an architecture by name, its encoder and keyword arguments, and where weights are."""

    arch: str
    encoder: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    pretrained: dict[str, Annotated[Source, BeforeValidator(_in_full)]] = Field(default_factory=dict)


def _unpainted(entry: Any) -> Any:
    if isinstance(entry, int | float):  # bool as well, which is what YAML makes of no
        raise PydanticCustomError("name", "put a name that is a number, yes or no in quotes")
    return {entry: None} if isinstance(entry, str) else entry


class ClassRow(Section):
    """A set of classes, and what in a label file means which of them; or the YAML file that says so.

    `classes` lists their names, each with its colour where it has one; `values` gives what means a class in a label,
    where that is not its number or colour, and `ignore` what means none. Texts hold several, split by commas: colours
    as `128 64 128`, values as `7` or `0..6`.
    """

    labels: Literal["grey", "colors", "palette"] = "grey"
    classes: list[
        Annotated[dict[ClassName, str | None], BeforeValidator(_unpainted), Field(min_length=1, max_length=1)]
    ] = Field(default_factory=list)
    values: dict[str, Values] = Field(default_factory=dict)
    ignore: Values = ""
    file: str | None = None

    @property
    def names(self) -> list[str]:
        """The classes' names in the order of their ids."""
        return [name for entry in self.classes for name in entry]

    @property
    def colors(self) -> list[str]:
        """The text of each class's colour; nothing where it has none."""
        return [color or "" for entry in self.classes for color in entry.values()]


class Input(Section):
    """The size that frames are resized to, and how."""

    height: Side
    width: Side
    resize: Literal["area", "linear", "study"]


class Passes(Section):
    """What a prediction is the mean of: one pass over the whole frame, or more."""

    flip: bool
    scales: Annotated[list[Annotated[float, Field(gt=0, le=8)]], Field(min_length=1)]
    window_height: Side | None
    window_width: Side | None
    overlap: Annotated[float, Field(ge=0, lt=1)]


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


class Constant(Section):
    """The learning rate stays."""


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
