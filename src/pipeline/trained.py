"""A trained network wherever it lies: in the workspace, or in a folder that `make release` made."""

from pathlib import Path

from pydantic import ConfigDict

from pipeline import paths
from pipeline.params import Predict
from pipeline.schema import read_yaml, validate
from roadseg.errors import UserError, printable
from roadseg.specs import Input, Network, Section


class Trained(Section):
    """The parameters that a trained network is run with."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
    model: str
    models: dict[str, Network]
    input: Input
    predict: Predict


def find_trained(place: Path | None) -> tuple[Trained, Path]:
    """Return the parameters and the weights file of a trained network.

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
    return load_trained(params), weights


def load_trained(path: Path) -> Trained:
    """Read what a parameter file says about the network that was trained; a UserError lists every problem of that.

    Its other keys may be of another version, or empty as the data's paths are in a release.
    """
    trained, problems = validate(Trained, read_yaml(path))
    if trained and trained.model not in trained.models:
        problems = [f"model: {trained.model!r} is not in the catalogue `models`; get the file again"]
    if trained is None or problems:
        raise UserError("\n".join(f"{path}: {line}" for line in problems))
    return trained
