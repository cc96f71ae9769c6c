"""A trained network is found in the workspace or in a release, and what is missing is named."""

import json
from pathlib import Path

import pytest
import yaml
from conftest import PARAMS

from roadseg.frames.classes import CITYSCAPES, ClassSet
from roadseg.inference.trained import find_trained, load_trained
from roadseg.pipeline.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (".", "release/first"):
        Path(place).mkdir(parents=True, exist_ok=True)
        Path(place, "params.yaml").write_text(yaml.safe_dump(PARAMS))  # with the catalogues, as in a release
    for weights in ("models", "release/first"):
        Path(weights).mkdir(exist_ok=True)
        Path(weights, "model.safetensors").touch()
    return tmp_path


@pytest.mark.parametrize("place", ["release/first", "release/first/model.safetensors"])
def test_a_release_is_found_by_its_folder_and_by_its_weights(folder, place):
    trained = find_trained(Path(place))
    assert trained.weights == Path("release/first/model.safetensors")
    assert trained.classes == CITYSCAPES
    raw = PARAMS
    assert (trained.params.model, trained.params.input.model_dump()) == (raw["model"], raw["input"])


def test_a_release_says_which_classes_it_has(folder):
    file = Path("release/first/classes.json")
    rows = [("land", [1, 2, 3]), ("sea", [4, 5, 6])]
    file.write_text(json.dumps([{"train_id": i, "name": name, "rgb": rgb} for i, (name, rgb) in enumerate(rows)]))
    assert find_trained(Path("release/first")).classes == ClassSet(("land", "sea"), ((1, 2, 3), (4, 5, 6)))
    for wrong in ("{}", '[{"name": "land"}]', '[{"name": "land", "rgb": [1, 2]}]'):
        file.write_text(wrong)
        with pytest.raises(UserError, match=r"classes\.json does not list classes; name a folder"):
            find_trained(Path("release/first"))


def test_the_workspaces_network_is_taken_where_no_place_is_named(folder):
    assert find_trained(None).weights == Path("models/model.safetensors")


@pytest.mark.parametrize(
    ("gone", "place", "message"),
    [
        ("models/model.safetensors", None, r"^models/model\.safetensors is missing; run `dvc repro` or `dvc pull`, or"),
        ("params.yaml", None, r"^params\.yaml is missing; run `dvc repro`"),
        (None, "release/second", r"^release/second/model\.safetensors is missing; name a folder that `make release`"),
        ("release/first/params.yaml", "release/first", r"^release/first/params\.yaml is missing; name a folder"),
        ("release/first/model.safetensors", "release/first", r"^release/first/model\.safetensors is missing; name"),
    ],
)
def test_what_is_missing_is_named(folder, gone, place, message):
    if gone:
        Path(gone).unlink()
    with pytest.raises(UserError, match=message):
        find_trained(Path(place) if place else None)


def test_the_other_keys_may_be_empty_or_of_another_version(folder):
    raw = yaml.safe_load(Path("params.yaml").read_text())
    raw["data"]["source"] = "seg_data"  # whose path a release leaves out
    raw["later"] = {"version": 1}
    Path("params.yaml").write_text(yaml.safe_dump(raw))
    assert load_trained(Path("params.yaml")).model == raw["model"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model", "gone", r"^params\.yaml: model: 'gone' is not in the catalogue `models`; get the file again$"),
        (
            "input",
            {"height": 64, "width": 64, "resize": "odd"},
            r"^params\.yaml: input\.resize: 'odd' is unknown; choo",
        ),
    ],
)
def test_wrong_keys_of_the_network_are_named(folder, key, value, message):
    raw = yaml.safe_load(Path("params.yaml").read_text()) | {key: value}
    Path("params.yaml").write_text(yaml.safe_dump(raw))
    with pytest.raises(UserError, match=message):
        load_trained(Path("params.yaml"))


@pytest.mark.parametrize(("recipe", "upsampling"), [("study", "bilinear"), ("few_frames", "bicubic")])
def test_what_a_recipe_says_of_the_prediction_is_put_in(recipe, upsampling, folder):
    raw = yaml.safe_load(Path("params.yaml").read_text())
    assert raw["predict"]["upsampling"] is None
    Path("params.yaml").write_text(yaml.safe_dump(raw | {"recipe": recipe}))
    assert load_trained(Path("params.yaml")).predict.upsampling == upsampling


def test_a_release_may_lack_what_only_training_reads(folder):
    raw = yaml.safe_load(Path("params.yaml").read_text())
    raw["recipes"]["base"].pop("train")
    Path("params.yaml").write_text(yaml.safe_dump(raw))
    assert load_trained(Path("params.yaml")).predict.upsampling == "bilinear"
    raw["recipes"]["base"].pop("predict")
    Path("params.yaml").write_text(yaml.safe_dump(raw))
    with pytest.raises(
        UserError, match=r"^params\.yaml: predict\.upsampling: None is unknown; choose from 'bilinear', "
    ):
        load_trained(Path("params.yaml"))
