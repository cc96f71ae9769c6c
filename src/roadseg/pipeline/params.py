"""The checked parameters of a run: all keys are required, and all errors are reported together."""

from typing import Any, Literal

from roadseg.pipeline.catalogues import place_of, read_params, with_recipe
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.rules import broken_rules
from roadseg.pipeline.schema import validate, value_at
from roadseg.pipeline.sections import (
    Augmentation,
    CheckLabels,
    ClassRow,
    ClassWeights,
    Data,
    Dice,
    Flops,
    Input,
    Lovasz,
    Network,
    Predict,
    Report,
    RowName,
    Schedule,
    Schedules,
    Section,
    Seed,
    Train,
)


class Params(Section):
    """params.yaml with the recipe's values in place, and the catalogues that it chooses from."""

    data: Data
    classes: str
    class_file: str | None
    model: str
    pretrained: str
    recipe: str
    seed: Seed
    input: Input
    loss: Literal["ce", "weighted_ce", "dice", "ce_dice", "ce_lovasz"]
    dice: Dice
    lovasz: Lovasz
    class_weights: ClassWeights
    schedule: Literal["constant", "cosine", "cosine_restarts", "plateau", "poly"]
    augment: Literal["none", "study", "strong"]
    augmentation: Augmentation
    train: Train
    predict: Predict
    check_labels: CheckLabels
    flops: Flops
    report: Report
    class_sets: dict[RowName, ClassRow]
    models: dict[str, Network]
    schedules: Schedules

    @property
    def network(self) -> Network:
        """The chosen row of the models."""
        return self.models[self.model]

    @property
    def class_row(self) -> ClassRow:
        """The chosen row of the classes."""
        return self.class_sets[self.classes]

    @property
    def schedule_row(self) -> Schedule:
        """The chosen row of the schedules."""
        row: Schedule = getattr(self.schedules, self.schedule)
        return row

    def decided(self) -> dict[str, Any]:
        """Return all that decides the results of a run: its values, whatever recipe they are from, and chosen rows."""
        rows = {"network": self.network, "class_row": self.class_row, "schedule_row": self.schedule_row}
        values = self.model_dump(exclude={"recipe", "class_sets", "models", "schedules"})
        return values | {name: row.model_dump() for name, row in rows.items()}


def load_params() -> Params:
    """Read params.yaml and the catalogues in conf/; a UserError lists every problem in them, a line each."""
    params, problems = check_params(read_params())
    if params is None or problems:
        raise UserError("\n".join(map(place_of, problems)))
    return params


def check_params(raw: Any) -> tuple[Params | None, list[str]]:
    """Return the checked content of a parameter file with its catalogues, and a line for each problem.

    The content is None where it has no valid form.
    """
    filled, problems = with_recipe(raw)
    content = {key: value for key, value in filled.items() if key != "recipes"} if isinstance(filled, dict) else filled
    params, malformed = validate(Params, content)
    keys = {line.partition(":")[0] for line in malformed}  # one line for each of these keys is enough
    broken = [line for line in broken_rules(filled) if line.partition(":")[0] not in keys]
    return params, [printable(_with_recipe_named(raw, line)) for line in [*problems, *malformed, *broken]]


def _with_recipe_named(raw: Any, line: str) -> str:
    """Let a line about a value that the recipe has filled in name the recipe's row."""
    key = line.partition(":")[0]
    row = value_at(raw, "recipes", str(value_at(raw, "recipe")))
    in_row = value_at(row, *key.split(".")) is not None and value_at(raw, *key.split(".")) is None
    return f"recipes.{raw['recipe']}.{line}" if in_row else line
