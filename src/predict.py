"""Predict the test frames at their own sizes, or any pictures or video.

python src/predict.py           DVC stage `predict`: data/seg_data, models/model.safetensors
                                -> data/predictions/grey (train ids) and data/predictions/color (palette)
python src/predict.py SOURCE    a picture, a folder, a glob, a video, or - for a list of paths on the standard input
                                -> predicted/NAME, or --out: grey, color and overlay, or an overlaid MP4; summary.csv
"""

import argparse
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn
from tqdm import tqdm

from pipeline import paths
from pipeline.machine import store_folder
from pipeline.params import Params, Trained, load_params, load_trained
from pipeline.stage import read_json, replacing, run, run_stage
from roadseg.classes import NAMES, NUM_CLASSES, colorize
from roadseg.errors import UserError, printable
from roadseg.frames.files import split_files
from roadseg.frames.resized import load_frames
from roadseg.images import write_image
from roadseg.networks.catalogue import build_model
from roadseg.networks.determinism import make_deterministic
from roadseg.networks.memory import keep_freed_memory
from roadseg.networks.model_file import fill_network
from roadseg.networks.precision import supported_precision
from roadseg.networks.prediction import predict, torch_engine
from roadseg.outputs.overlay import overlay
from roadseg.outputs.summary import Summary, shares_of
from roadseg.outputs.video_file import VideoFile
from roadseg.sources.ahead import in_order
from roadseg.sources.finding import find_pictures, is_video
from roadseg.sources.frame import Broken, Frame, read_pictures, read_video
from roadseg.sources.predicting import predict_frames
from roadseg.sources.video import open_video

WRITTEN_BEHIND = 16  # predictions at most that wait to be written


def main() -> None:
    params = load_params()
    model, device = trained_model(params, paths.MODEL)
    files = split_files(paths.SEG_DATA, read_json(paths.SPLITS), "test")
    frames = load_frames(files, params.input, training=False, store=store_folder())

    how = params.predict
    maps = predict(model, frames, range(len(frames)), how.batch_size, how.enlarge, device, how.passes)
    with replacing(paths.PREDICTIONS) as folder, ThreadPoolExecutor() as pool:
        (folder / "grey").mkdir(parents=True)
        (folder / "color").mkdir()
        names = (file.label.name for file in files)
        jobs = (partial(write_prediction, folder, *pair) for pair in zip(names, maps, strict=True))
        for _ in tqdm(in_order(pool, jobs, WRITTEN_BEHIND), "predict", len(files), leave=False, disable=None):
            pass
    print(f"predicted {len(files)} frame{'s' if len(files) > 1 else ''} into {paths.PREDICTIONS}")


def trained_model(params: Params | Trained, weights: Path) -> tuple[nn.Module, torch.device]:
    """The network that the parameters name, with its weights, on the device that it is to run on."""
    make_deterministic()
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fabric = Fabric(accelerator="auto", devices=1, precision=supported_precision(params.predict.precision, device))
    network = build_model(params.model, params.models[params.model], NUM_CLASSES)
    fill_network(network, weights)
    return fabric.setup(network.to(memory_format=torch.channels_last)), fabric.device


def write_prediction(folder: Path, file: str, classes: np.ndarray) -> None:
    write_image(folder / "grey" / file, classes)
    write_image(folder / "color" / file, colorize(classes))


# --- any pictures or video


def predict_source(options: argparse.Namespace) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a KeyboardInterrupt, so that temporary files go
    strength, every = number("overlay", options.overlay, float, 0, 1), number("every", options.every, int, 1, 10**9)
    params, weights = released(options.model)
    out = options.out or Path("predicted", Path(options.source).resolve().stem if options.source != "-" else "list")
    if is_video(options.source):
        video = open_video(Path(options.source))
        target = out / f"{video.path.stem}.mp4"
        refuse_existing([out / "summary.csv", target], options.force)
        frames, total = read_video(video, every, params.input), -(-video.count // every)
        with replacing(target) as temporary:
            film = VideoFile(temporary, video.rate / every)
            run_through(params, weights, frames, total, partial(write_to_film, film, strength), 1, out)
            film.close()
    else:
        found = find_pictures(options.source, sys.stdin.buffer, out)[::every]
        refuse_existing([out / "summary.csv", *(out / "grey" / f"{f.name}.png" for f in found)], options.force)
        frames = read_pictures(found, params.input)
        run_through(params, weights, frames, len(found), partial(write_pictures, out, strength), None, out)


def run_through(params, weights, frames, total, write, threads, out):
    model, device = trained_model(params, weights)
    how, size, broken = params.predict, (params.input.height, params.input.width), []
    engine = torch_engine(model, size, device, how.passes)
    with (
        replacing(out / "summary.csv") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
        tqdm(total=total or None, desc="predict", unit="frame", leave=False, disable=None) as progress,
        ThreadPoolExecutor(threads) as pool,
    ):
        summary, count = Summary(file, NAMES), 0
        predicted = predict_frames(engine, whole(frames, broken, progress), how.batch_size, how.enlarge)
        jobs = (partial(write_frame, write, *of_one) for of_one in predicted)
        for row in in_order(pool, jobs, WRITTEN_BEHIND):
            summary.add(*row)
            progress.update()
            count += 1
        if not count:
            raise UserError("no frame could be read; nothing is written")
    print(f"predicted {count} frames into {out}")
    if broken:
        raise UserError(f"{len(broken)} could not be read and were passed over; all others are written")


def write_frame(write, frame, classes, confidence):
    write(frame, classes)
    return frame.name, confidence, shares_of(classes, NUM_CLASSES)


def whole(frames, broken, progress):
    for frame in frames:
        if isinstance(frame, Broken):
            broken.append(frame)
            progress.update()
            progress.write(f"passed over: {frame.reason}", file=sys.stderr)
        else:
            yield frame


def write_pictures(out: Path, strength: float, frame: Frame, classes: np.ndarray) -> None:
    colours = colorize(classes)
    pictures = {"grey": classes, "color": colours, "overlay": overlay(frame.image, colours, strength)}
    for folder, picture in pictures.items():
        with replacing(out / folder / f"{frame.name}{'.jpg' if folder == 'overlay' else '.png'}") as temporary:
            write_image(temporary, picture)


def write_to_film(film: VideoFile, strength: float, frame: Frame, classes: np.ndarray) -> None:
    film.add(overlay(frame.image, colorize(classes), strength))


def refuse_existing(targets, force):
    if not force and (there := next((path for path in targets if path.exists()), None)):
        raise UserError(f"{printable(there)} is there already; add --force to overwrite it, or name another --out")


def released(model: Path | None) -> tuple[Trained, Path]:
    if model is None:
        folder, weights = Path(), paths.MODEL
    elif model.suffix == ".safetensors":
        folder, weights = model.parent, model
    else:
        folder, weights = model, model / paths.MODEL.name
    for path in (weights, folder / paths.PARAMS.name):
        if not path.is_file():
            raise UserError(f"{printable(path)} is missing; name a folder that `make release` made, or run `dvc repro`")
    return load_trained(folder / paths.PARAMS.name), weights


def number(name, text, kind, least, most):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise UserError(f"--{name} {text}: not a number from {least} to {most}")
    return value


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Predict on any pictures or video.")
    parser.add_argument("source")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--overlay", default="0.5")
    parser.add_argument("--every", default="1")
    parser.add_argument("--force", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    run(lambda: predict_source(options())) if sys.argv[1:] else run_stage(main)
