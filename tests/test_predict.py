"""Prediction on any source, by a small network: the stage's own bytes, whole files, and errors in one line."""

import csv
import io
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import yaml
from conftest import PARAMS, ROOT, write_picture, write_seg_data

import predict
from roadseg.frames.classes import NAMES, colorize
from roadseg.frames.images import write_image
from roadseg.networks.catalogue import build_model
from roadseg.networks.weights import save_weights
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError

RELEASED = Path("release/a/model.safetensors")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with a network of random weights, the stage's prediction in it, and a release."""
    folder = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["predict.py"])
        write_seg_data(paths.SEG_DATA, test=6, height=40, width=70)
        text = yaml.safe_dump(PARAMS | {"input": {"height": 64, "width": 96, "resize": "area"}})
        torch.manual_seed(1)
        network = build_model(PARAMS["model"], PARAMS["models"][PARAMS["model"]], len(NAMES))
        for params, *weights in (("params.yaml", paths.MODEL, paths.EARLY), ("release/a/params.yaml", RELEASED)):
            for file in weights:
                file.parent.mkdir(parents=True, exist_ok=True)
                save_weights(file, network.state_dict())
            Path(params).write_text(text)
        predict.main()
    return folder


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    """A function that predicts as the command line does, with the workspace as the present folder."""
    monkeypatch.chdir(made)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process keeps its own answer to signals

    def run(*words, listed=b""):
        monkeypatch.setattr(sys, "argv", ["predict.py", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(listed)))
        predict.predict_any()

    return run


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows_of(out):
    with (out / "summary.csv").open() as file:
        return list(csv.DictReader(file))


def noise(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height))


def write_video(path, count, height=36, width=64):
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 30, (width, height))
    for number in range(count):
        writer.write(noise(height, width, number % 5))
    writer.release()
    return path


@pytest.mark.parametrize("model", [(), ("--model", "release/a"), ("--model", "release/a/model.safetensors")])
def test_the_stages_own_frames_give_the_stages_own_bytes(run, tmp_path, model):
    run("data/seg_data/testing/image", "--out", tmp_path, *model)
    written, stage = files_of(tmp_path), files_of(paths.PREDICTIONS)
    assert len(stage) == 12
    assert {name: written[name] for name in stage} == stage
    assert set(written) - set(stage) == {"summary.csv", *(f"overlay/00000{i}_10.jpg" for i in range(4, 10))}


def test_the_table_counts_what_the_class_maps_hold(run, tmp_path):
    run("data/seg_data/testing/image", "--out", tmp_path)
    rows = rows_of(tmp_path)
    assert [row["frame"] for row in rows] == [f"{i:06d}_10" for i in range(4, 10)]
    for row in rows:
        classes = cv2.imread(str(tmp_path / "grey" / f"{row['frame']}.png"), cv2.IMREAD_UNCHANGED)
        shares = [float(np.mean(classes == number)) for number in range(19)]
        assert [float(row[name]) for name in NAMES] == pytest.approx(shares, abs=1e-6)
        assert 1 / 19 < float(row["confidence"]) <= 1


def test_an_overlay_is_the_frame_with_its_colours(run, tmp_path):
    image = noise(80, 120)
    write_picture(tmp_path / "a.png", image[..., ::-1])
    run(tmp_path / "a.png", "--out", tmp_path / "out", "--overlay", "0.25")
    colours = colorize(cv2.imread(str(tmp_path / "out/grey/a.png"), cv2.IMREAD_UNCHANGED))
    shown = cv2.imread(str(tmp_path / "out/overlay/a.jpg"), cv2.IMREAD_COLOR_RGB)
    assert np.abs(shown - (0.75 * image + 0.25 * colours)).mean() < 4  # JPEG


def test_frames_of_any_size_come_back_at_it_and_broken_ones_are_passed_over(run, tmp_path, capsys):
    sizes = {"one": (1, 1), "sub/large": (3000, 4000), "sub/deep/tall": (300, 3), "wide": (2, 500)}
    for number, (name, size) in enumerate(sizes.items()):
        write_picture(tmp_path / "in" / f"{name}.png", noise(*size, number))
    whole = (tmp_path / "in/sub/large.png").read_bytes()
    (tmp_path / "in/sub/cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "in/sub/empty.jpg").touch()
    with pytest.raises(
        UserError, match=r"^2 of the frames could not be read; replace what is named above\. The others"
    ):
        run(tmp_path / "in", "--out", tmp_path / "out")
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if "passed over" in line] == [
        f"passed over: {tmp_path}/in/sub/{name} is not a readable PNG or JPEG" for name in ("cut.png", "empty.jpg")
    ]
    for name, size in sizes.items():
        assert cv2.imread(str(tmp_path / "out/grey" / f"{name}.png"), cv2.IMREAD_UNCHANGED).shape == size
        assert cv2.imread(str(tmp_path / "out/overlay" / f"{name}.jpg")).shape == (*size, 3)
    assert {row["frame"] for row in rows_of(tmp_path / "out")} == set(sizes)
    assert len(files_of(tmp_path / "out")) == 3 * len(sizes) + 1


def test_globs_lists_and_steps_choose_frames(run, tmp_path, capsys):
    run("data/seg_data/*/image/*.png", "--out", tmp_path / "glob", "--every", "4")
    assert [row["frame"] for row in rows_of(tmp_path / "glob")] == [
        *("testing/image/000004_10", "testing/image/000008_10", "training/image/000002_10")
    ]
    listed = b"data/seg_data/testing/image/000009_10.png\nnothing.png\ndata/seg_data/testing/image/000004_10.png\n"
    with pytest.raises(UserError, match="1 of the frames"):
        run("-", "--out", tmp_path / "list", listed=listed)
    assert "passed over: nothing.png: No such file or directory" in capsys.readouterr().err
    assert [row["frame"] for row in rows_of(tmp_path / "list")] == [
        *("data/seg_data/testing/image/000009_10", "data/seg_data/testing/image/000004_10")
    ]


def test_a_video_becomes_an_overlaid_one(run, tmp_path, capsys):
    film = write_video(tmp_path / "film.mp4", 300)
    run(film, "--out", tmp_path / "out")
    assert "film.mp4: the frames with their classes, without sound" in capsys.readouterr().out
    assert set(files_of(tmp_path / "out")) == {"film.mp4", "summary.csv"}
    made = cv2.VideoCapture(str(tmp_path / "out/film.mp4"), cv2.CAP_FFMPEG)
    assert [made.get(key) for key in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS)] == [300, 30]
    assert [row["frame"] for row in rows_of(tmp_path / "out")] == [f"{number:06d}" for number in range(300)]


def test_a_video_in_steps_lasts_as_long(run, tmp_path):
    run(write_video(tmp_path / "film.avi.mp4", 31), "--out", tmp_path / "out", "--every", "10", "--overlay", "1")
    made = cv2.VideoCapture(str(tmp_path / "out/film.avi.mp4"), cv2.CAP_FFMPEG)
    assert [made.get(key) for key in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS)] == [4, 3]
    assert [row["frame"] for row in rows_of(tmp_path / "out")] == ["000000", "000010", "000020", "000030"]


def test_nothing_is_overwritten_unless_asked_and_a_source_never(run, tmp_path):
    frame = "data/seg_data/testing/image/000004_10.png"
    run(frame, "--out", tmp_path)
    before = files_of(tmp_path)
    for source in (frame, write_video(tmp_path / "a.mp4", 3)):
        with pytest.raises(UserError, match=r"summary\.csv is there already; overwrite it with --force, or name anoth"):
            run(source, "--out", tmp_path)
    (tmp_path / "summary.csv").unlink()
    with pytest.raises(UserError, match=r"grey/000004_10\.png is there already"):
        run(frame, "--out", tmp_path)
    run(frame, "--out", tmp_path, "--force")
    assert files_of(tmp_path) == before | {"a.mp4": (tmp_path / "a.mp4").read_bytes()}
    for source in (tmp_path / "a.mp4", tmp_path / "grey"):
        with pytest.raises(UserError, match=r"is itself read, and would be overwritten; name another --out"):
            run(source, "--out", tmp_path, "--force")


def test_outputs_have_a_place_of_their_own_by_default(run, made):
    run("data/seg_data/testing/image/000004_10.png")
    assert (made / "predicted/000004_10/grey/000004_10.png").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], r"^nothing: no such file or folder; check the path$"),
        (["data", "--overlay", "1.5"], r"^--overlay 1\.5 is out of bounds; choose 0 to 1$"),
        (["data", "--overlay", "half"], r"^--overlay half is not a share; choose 0 to 1$"),
        (["data", "--every", "0"], r"^--every 0 is out of bounds; choose 1 or more$"),
        (["data", "--every", "2.5"], r"^--every 2\.5 is not a whole number; choose 1 or more$"),
    ],
)
def test_bad_input_is_named_in_one_line(run, tmp_path, words, message):
    with pytest.raises(UserError, match=message):
        run(*words, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_frames_that_are_all_broken_leave_nothing(run, tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(UserError, match=r"^no frame could be read, so nothing is written$"):
        run(tmp_path / "a.png", "--out", tmp_path / "out")
    assert files_of(tmp_path / "out") == {}


def test_a_disk_that_fills_up_leaves_whole_files(run, tmp_path, monkeypatch):
    write, written = write_image, []

    def until_full(path, image):
        if len(written) >= 4:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device", str(path))
        written.append(path)
        write(path, image)

    monkeypatch.setattr("roadseg.inference.writing.write_image", until_full)
    with pytest.raises(OSError, match="No space left"):
        run("data/seg_data/testing/image", "--out", tmp_path / "out")
    left = files_of(tmp_path / "out")
    assert len(left) == 4
    assert b"half" not in left.values()


@pytest.mark.slow
@pytest.mark.parametrize("source", ["folder", "video"])
def test_an_interruption_leaves_whole_files_alone(made, tmp_path, source):
    if source == "video":
        place, first = write_video(tmp_path / "film.mp4", 3000), ".film.new.mp4"
    else:
        place, first = tmp_path / "in", "grey"
        for number in range(1200):
            write_picture(place / f"{number:04d}.png", noise(60, 80))
    out = tmp_path / "out"
    words = [sys.executable, str(ROOT / "src/predict.py"), str(place), "--out", str(out)]
    with subprocess.Popen(words, cwd=made, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 100
        while not (out / first).exists() or not any(out.rglob("*.*")):
            assert time.monotonic() < until
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "error: interrupted" in told
    assert "Traceback" not in told
    files = files_of(out)
    if source == "video":
        assert files == {}
    else:
        assert 0 < len(files) < 3600
        assert all(cv2.imread(str(out / name)).shape == (60, 80, 3) for name in files)
