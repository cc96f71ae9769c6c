"""A release says whose terms its weights are under, shows how to load them, and gives no secrets away."""

import html
import sys

import pytest
import yaml
from conftest import PARAMS
from finished_run import finish_run

import release
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import check_params

OWN = "seg_data", "cityscapes", "mapillary"


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A function that releases a finished run, and returns its model card and its params.yaml."""

    monkeypatch.chdir(tmp_path)

    def released(**changes):
        finish_run(tmp_path, ["a", "b"], **changes)
        monkeypatch.setattr(sys, "argv", ["release.py", "first", "--no-onnx"])
        release.main()
        return tuple((release.RELEASES / "first" / name).read_text() for name in ("README.md", "params.yaml"))

    return released


@pytest.mark.parametrize(
    ("source", "terms"),
    [
        ("synthetic", "Apache License 2.0"),
        ("kitti", "CC BY-NC-SA 3.0"),
        ("seg_data", "carry the terms of those frames"),
        ("cityscapes", "Cityscapes frames and carry their terms, a licence of their own: no commercial use"),
        ("mapillary", "for the research edition CC BY-NC-SA"),
    ],
)
def test_the_card_gives_the_terms_of_the_frames(card, source, terms):
    text, _ = card(**{"data.source": source} | {f"data.{own}.path": "/data/me/frames" for own in OWN})
    assert terms in text
    assert ("KITTI" in text) == (source == "kitti")
    assert "/data/me" not in text
    assert "They started from" not in text


@pytest.mark.parametrize(
    ("pretrained", "shown"),
    [
        ("file:/data/me/w.pth", "file:w.pth"),
        ("https://me:hunter2@host/w.pth?sig=abc123", "https://...@host/w.pth?sig=..."),
    ],
)
def test_a_release_keeps_secrets_and_local_paths_to_itself(card, pretrained, shown):
    changes = {"data.source": "seg_data", "data.seg_data.path": "/data/me/frames", "pretrained": pretrained}
    text, params = card(**changes)
    for released in (text, params):
        assert not any(part in released for part in ("hunter2", "abc123", "/data/me"))
    assert f"They started from {shown}, whose terms apply as well." in html.unescape(text)
    checked, problems = check_params(yaml.safe_load(params))
    assert checked is not None, problems
    assert checked.pretrained == shown


def test_released_params_hold_the_chosen_rows_themselves(card):
    released = yaml.safe_load(card()[1])
    assert set(released["models"]) == {released["model"]}
    assert set(released["class_sets"]) == {released["classes"]}


def test_the_cards_code_builds_the_network_it_names(card, monkeypatch):
    text, _ = card()
    code = text.split("```python")[-1].split("```")[0]
    monkeypatch.chdir(release.RELEASES / "first")
    names = {}
    exec(code.split("model.load_state_dict")[0], names)
    assert type(names["model"]).__name__ == "Segformer"


def test_the_card_shows_a_networks_name_as_it_is(card):
    row = PARAMS["models"]["resnet18_segformer"]
    text, _ = card(model="a|b<c>", **{"models.a|b<c>": row})
    assert "| network | a&#124;b&lt;c&gt;: Segformer, encoder resnet18 |" in text


def test_without_the_classes_there_is_no_release(card):
    """They say what the numbers mean that the network gives."""
    card()
    paths.CLASSES.unlink()
    with pytest.raises(UserError, match=r"^data/seg_data/names\.txt is missing; run `dvc repro` or `dvc pull` first"):
        release.main()


def test_the_card_says_whether_smp_can_load_the_weights(card):
    text, _ = card()
    assert 'smp.from_pretrained("FOLDER")' in text
    assert "use.py" not in text, "a release without ONNX"


def test_the_card_of_an_own_network_names_its_row(card):
    text, _ = card(model="efficientvit_seg_b0")
    assert "efficientvit_seg_b0 is no architecture of segmentation_models_pytorch, so `smp.from_pretrained` can" in text
    assert "row of\nthe project's catalogue" in text
