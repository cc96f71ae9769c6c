"""A trained network wherever it lies: in the workspace, or in a folder that `make release` made."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pydantic import ConfigDict

from roadseg.frames.classes import CITYSCAPES, ClassSet, read_classes
from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import read_params, with_recipe
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.params import Predict
from roadseg.pipeline.schema import validate
from roadseg.pipeline.sections import Input, Network, Section
from roadseg.pipeline.stage import read_json

# the packages of each engine, and the file that brings one which is not in requirements.txt
_PACKAGES = {"torch": (), "onnxruntime": ("onnxscript", "onnxruntime"), "openvino": ("onnxscript", "openvino")}
_REQUIREMENTS = {"openvino": "requirements-openvino.txt"}


class RunParams(Section):
    """The parameters that a trained network is run with."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
    model: str
    models: dict[str, Network]
    input: Input
    predict: Predict

    @property
    def network(self) -> Network:
        """The chosen row of the models."""
        return self.models[self.model]


@dataclass(frozen=True)
class Trained:
    """A trained network: its parameters, the file of its weights, and the classes that it tells apart."""

    params: RunParams
    weights: Path
    classes: ClassSet


def find_trained(place: Path | None) -> Trained:
    """Return where a trained network is, and what it is run with.

    `place` is a release's folder or the weights in it; None is the workspace. Raises UserError where a file is missing
    or the parameters are wrong.
    """
    if place is None:
        params, weights, remedy = paths.PARAMS, paths.MODEL, "run `dvc repro` or `dvc pull`, or name a --model"
    else:
        weights = place if place.suffix == ".safetensors" else place / paths.MODEL.name
        params, remedy = weights.parent / paths.PARAMS.name, "name a folder that `make release` made"
    for path in (weights, params):
        if not path.is_file():
            raise UserError(f"{printable(path)} is missing; {remedy}")
    classes = read_classes(paths.SEG_DATA) if place is None else _released_classes(weights.parent / "classes.json")
    return Trained(load_trained(params), weights, classes)


def _released_classes(path: Path) -> ClassSet:
    """What a release's classes.json says, without one those of Cityscapes; UserError where it is something else."""
    if not path.exists():
        return CITYSCAPES
    try:
        rows = [(str(row["name"]), tuple(map(int, row["rgb"]))) for row in read_json(path)]
        classes = ClassSet(tuple(name for name, _ in rows), tuple((r, g, b) for _, (r, g, b) in rows))
    except (OSError, KeyError, TypeError, ValueError):
        classes = ClassSet((), ())
    if not classes:
        raise UserError(f"{printable(path)} does not list classes; name a folder that `make release` made")
    return classes


def load_trained(path: Path) -> RunParams:
    """Read what a parameter file says about the network that was trained; a UserError lists every problem of that.

    Its other keys may be of another version, or empty as the data's paths are in a release.
    """
    filled, _ = with_recipe(read_params(path))  # what else a recipe lacks doesn't matter here
    trained, problems = validate(RunParams, filled)
    if trained and trained.model not in trained.models:
        problems = [f"model: {trained.model!r} is not in the catalogue `models`; get the file again"]
    if trained is None or problems:
        raise UserError("\n".join(f"{path}: {line}" for line in problems))
    return trained


def check_engine(name: str) -> None:
    """Raise UserError, with what to install, where a package of the engine `name` is missing; none is imported."""
    for package in _PACKAGES[name]:
        if find_spec(package) is None:
            raise UserError(
                f"predict.engine is {name}, but the package {package} is not installed; run `pip install -r "
                f"{_REQUIREMENTS.get(package, 'requirements.txt')}`, or set predict.engine to torch"
            )
