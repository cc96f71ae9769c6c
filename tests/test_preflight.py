"""What params.yaml names is checked before DVC removes anything, and DVC sees its content through links."""

import os
import shutil
import socket
from pathlib import Path

import pytest
import yaml
from conftest import PARAMS, ROOT, changed, write_params
from dvc.utils.serialize import modify_yaml

import preflight
from roadseg.experiments.former_runs import FormerRun
from roadseg.inference import trained
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of parameters and stages alone; returns how to change a section's value."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shutil.copy(ROOT / "dvc.yaml", ".")
    shutil.copy(ROOT / "params.yaml", ".")
    shutil.copytree(ROOT / "conf", "conf")

    def change(**changes):
        write_params(changed(PARAMS, changes))

    return change


def own_frames(path, source="seg_data"):
    return {"data.source": source, f"data.{source}.path": str(path)}


def test_by_default_nothing_is_linked(project):
    preflight.main()
    contents = [path.read_text() for path in (paths.INPUT_FRAMES, paths.INPUT_WEIGHTS)]
    assert contents == ["none\n", "none\n"]
    assert not paths.INPUT_FRAMES.is_symlink()


def test_what_wins_over_the_recipe_is_said(project, capsys):
    preflight.main()
    assert capsys.readouterr().out == ""
    project(**{"recipes.scratch": {"lovasz": {"every": 2}}, "train.lr": 0.1})
    preflight.main()
    assert capsys.readouterr().out == (
        "recipe scratch, beside which params.yaml says: train.lr 0.1 (not 0.003), lovasz.every 4 (not 2)\n"
    )


def test_the_package_of_an_engine_must_be_there(project, monkeypatch):
    monkeypatch.setattr(trained, "find_spec", lambda _: None)
    project(**{"predict.engine": "openvino"})
    with pytest.raises(
        UserError, match=r"^predict.engine is openvino, but the package onnxscript is not installed; run"
    ):
        preflight.main()


def test_frames_and_weights_are_linked_and_links_replaced(project, tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "w.pth").write_bytes(b"1")
    project(**own_frames("../frames"), pretrained=f"file:{tmp_path}/w.pth")
    for _ in range(2):
        preflight.main()
        assert paths.INPUT_FRAMES.readlink() == tmp_path / "frames"
        assert paths.INPUT_WEIGHTS.readlink() == tmp_path / "w.pth"
    project()
    preflight.main()
    assert not paths.INPUT_FRAMES.is_symlink()
    assert (tmp_path / "frames").is_dir()


@pytest.mark.parametrize("source", ["cityscapes", "mapillary"])
def test_a_folder_of_another_source_is_linked_and_checked_alike(project, tmp_path, source):
    (tmp_path / "frames").mkdir()
    project(**own_frames("../frames", source))
    preflight.main()
    assert paths.INPUT_FRAMES.readlink() == tmp_path / "frames"
    for path, message in (("/nowhere", "does not exist"), ("data/seg_data/x", "lies in data/seg_data, which DVC")):
        project(**own_frames(path, source))
        with pytest.raises(UserError, match=rf"^data\.{source}\.path: {path} {message}"):
            preflight.main()


def test_dvc_knows_every_link():
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    outs = [next(iter(entry)) for entry in stages["preflight"]["outs"]]
    links = [str(path) for path in (paths.INPUT_FRAMES, paths.INPUT_CLASSES)]
    assert set(links) <= set(outs)
    assert set(links) <= set(stages["fetch_data"]["deps"])


def test_a_former_run_is_linked_by_its_file_of_git_or_named(project, tmp_path, monkeypatch):
    (tmp_path / "one").write_text("commit")
    runs = {
        "exp:one": FormerRun("one", tmp_path / "one", Path("ab/cd")),
        "exp:two": FormerRun("two", None, Path("ef/01")),
    }
    monkeypatch.setattr(preflight, "former_run", runs.get)
    project(pretrained="exp:one")
    preflight.main()
    assert paths.INPUT_WEIGHTS.readlink() == tmp_path / "one"
    project(pretrained="exp:two")
    preflight.main()
    assert paths.INPUT_WEIGHTS.read_text() == "two ef01\n"


def test_a_name_of_no_weights_is_refused(project):
    project(pretrained="citiscapes", model="mit_b0_segformer")
    choice = "is unknown; choose from none, imagenet, cityscapes, nvidia, or gdrive:ID, file:PATH,"
    with pytest.raises(UserError, match=rf"^pretrained: 'citiscapes' {choice}"):
        preflight.main()


def test_a_former_name_of_a_recipe_still_serves_and_says_the_new_one(project, capsys):
    project(recipe="thorough")
    preflight.main()
    line = "recipe thorough is called many_frames now; the old name goes with the next release\n"
    assert capsys.readouterr().out == line


def test_rows_in_params_yaml_are_sent_to_conf(project):
    paths.PARAMS.write_text(yaml.safe_dump(PARAMS))
    with pytest.raises(UserError, match=r"^conf/models\.yaml: belongs|^params\.yaml: models: belongs in conf/models"):
        preflight.main()


def test_a_row_of_the_catalogue_may_name_a_file(project, tmp_path):
    project(**{f"models.{PARAMS['model']}.pretrained": {"mine": f"file:{tmp_path}/w.pth"}, "pretrained": "mine"})
    with pytest.raises(UserError, match=r"pretrained: .*w\.pth does not exist; correct the path"):
        preflight.main()


@pytest.mark.parametrize(
    "inside", ["data/seg_data", "data/seg_data/mine", "data/predictions", "report/x", "models/pretrained.safetensors"]
)
def test_what_lies_in_an_output_is_refused_and_left_alone(project, inside, tmp_path):
    Path(inside).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "project" / inside)
    for path in (inside, tmp_path / "link", f"./models/../{inside}"):
        project(**own_frames(path))
        with pytest.raises(UserError, match=r"lies in \S+, which DVC removes .*nothing was touched; move the files"):
            preflight.main()
    assert Path(inside).is_dir()


def bind_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(path)  # a socket's path is short
        listener.bind("s")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: os.mkfifo(path / "pipe"), "pipe is a pipe; remove it, or name another folder"),
        (lambda path: (path / "x.png").symlink_to("gone"), r"x\.png is a link that leads nowhere; remove"),
        (
            lambda path: (path / os.fsdecode(b"Stra\xdfe.png")).touch(),
            r"Stra\\xdfe\.png has a name that is not in UTF-8",
        ),
        (lambda path: (path / "zero.png").symlink_to("/dev/zero"), r"zero\.png is a device; remove it"),
        (bind_socket, "s is a socket; remove it"),
    ],
)
def test_what_cannot_be_read_to_its_end_is_refused(project, tmp_path, monkeypatch, make, message):
    (tmp_path / "frames").mkdir()
    make(tmp_path / "frames")
    monkeypatch.chdir(tmp_path / "project")
    project(**own_frames(tmp_path / "frames"))
    with pytest.raises(UserError, match=message):
        preflight.main()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (own_frames("/nowhere"), "data.seg_data.path: /nowhere does not exist"),
        (own_frames("../loop"), "does not exist|is not a path that can be followed"),
        (
            own_frames("~nobody-here/x"),
            r"'~nobody-here/x' is not a path that can be followed",
        ),
        ({"pretrained": "file:/dev/zero"}, "pretrained: /dev/zero is a device; name a file of weights"),
        ({"pretrained": "file:.."}, "is a folder; name a file of weights"),
    ],
)
def test_other_paths_that_cannot_be_read(project, tmp_path, changes, message):
    (tmp_path / "loop").symlink_to("loop")
    project(**changes)
    with pytest.raises(UserError, match=message):
        preflight.main()


def test_secrets_in_addresses_are_refused_before_they_reach_the_lock(project):
    row = {f"models.{PARAMS['model']}.pretrained": {"mine": "https://me:secret@host/w.pth"}}
    project(**row, pretrained="https://me:hush@host/x")
    with pytest.raises(UserError) as caught:
        preflight.main()
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["params.yaml", "pretrained"],
        ["conf/models.yaml", f"{PARAMS['model']}.pretrained.mine"],
    ]
    assert "secret" not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_git_can_see_that_the_parameters_changed(project):
    before = int(paths.PARAMS.stat().st_mtime)
    preflight.main()
    assert int(paths.PARAMS.stat().st_mtime) > before


def scalars(section, at=()):
    for key, value in section.items():
        if isinstance(value, dict):
            yield from scalars(value, (*at, key))
        elif not isinstance(value, list):
            yield (*at, key), value


def test_a_value_of_another_length_changes_the_size_as_dvc_writes_it(project):
    """Padded comments would absorb the change, and git could miss it."""
    before = paths.PARAMS.read_text()
    for keys, value in scalars(yaml.safe_load(before)):
        with modify_yaml(paths.PARAMS) as content:
            section = content
            for name in keys[:-1]:
                section = section[name]
            section[keys[-1]] = f"{value}-longer"
        assert len(paths.PARAMS.read_text()) != len(before), keys
        assert paths.PARAMS.read_text().count("#") == before.count("#")
        paths.PARAMS.write_text(before)


def test_the_defaults_are_written_as_dvc_writes_them(project):
    before = paths.PARAMS.read_text()
    with modify_yaml(paths.PARAMS) as content:
        content["seed"] = content["seed"]
    assert paths.PARAMS.read_text() == before
