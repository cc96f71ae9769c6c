"""Predict the test frames at their own sizes, or any pictures or video.

python src/predict.py           DVC stage `predict`: data/seg_data, models/model.safetensors, models/early.safetensors
                                -> data/predictions/grey (train ids) and data/predictions/color (palette),
                                metrics/predict_times.json; data/label_check: places in the frames of all splits whose
                                label is improbable to the network of the early epochs, before it knew wrong ones by
                                heart
python src/predict.py SOURCE    a picture, a folder, a glob, a video, or - for a list of paths on the standard input
                                -> predicted/NAME, or --out: grey, color and overlay, or an overlaid MP4; summary.csv
"""

import argparse
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from roadseg.frames.classes import ClassSet, colorize, read_classes
from roadseg.frames.files import files_by_split, split_files
from roadseg.frames.images import write_image
from roadseg.frames.store import load_frames
from roadseg.inference.pictures import find_pictures, is_video
from roadseg.inference.reading import in_order, read_pictures, read_video
from roadseg.inference.trained import find_trained
from roadseg.inference.video import open_video
from roadseg.inference.writing import Output, picture_paths, pictures_in, refuse_existing, video_at
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.machine import store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import read_json, replacing, run, run_stage, write_json

# What loads torch is imported in the functions below: it takes seconds, and wrong options are answered without it.

Number = TypeVar("Number", int, float)


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    predict_test_frames(params, classes)
    check_labels(params, classes)


def predict_test_frames(params: Params, classes: ClassSet) -> None:
    from roadseg.inference.engines import hardware_name, load_network
    from roadseg.inference.predicting import WAITING
    from roadseg.networks.cost import Timed
    from roadseg.networks.prediction import predict, torch_engine

    how = params.predict
    network, device = load_network(params.model, params.network, paths.MODEL, len(classes), how)
    files = split_files(paths.SEG_DATA, read_json(paths.SPLITS), "test")
    frames = load_frames(files, params.input, training=False, store=store_folder())
    engine = torch_engine(network, frames.size, device, how.passes)
    maps = Timed(predict(engine, frames, range(len(frames)), how.batch_size, how.upsampling), warm_up=how.batch_size)
    with replacing(paths.PREDICTIONS) as folder, ThreadPoolExecutor() as pool:
        (folder / "grey").mkdir(parents=True)
        (folder / "color").mkdir()
        names = (file.label.name for file in files)
        jobs = (partial(write_prediction, folder, *pair, classes) for pair in zip(names, maps, strict=True))
        for _ in tqdm(in_order(pool, jobs, WAITING), "predict", len(files), leave=False, disable=None):
            pass
    speed = {"frames_per_second": round(maps.per_second, 2), "hardware": hardware_name(device), "engine": how.engine}
    write_json(paths.PREDICT_TIMES, speed)
    print(f"predicted {len(files)} frame{'s' if len(files) > 1 else ''} into {paths.PREDICTIONS}")


def write_prediction(folder: Path, file: str, class_ids: np.ndarray, classes: ClassSet) -> None:
    write_image(folder / "grey" / file, class_ids)
    write_image(folder / "color" / file, colorize(class_ids, classes))


def check_labels(params: Params, classes: ClassSet) -> None:
    from roadseg.inference.engines import load_network
    from roadseg.inference.label_check import LabelCheck, seen_in
    from roadseg.networks.prediction import torch_engine

    network, device = load_network(params.model, params.network, paths.EARLY, len(classes), params.predict)
    with replacing(paths.LABEL_CHECK) as folder:
        check = LabelCheck(folder, classes.names, params.check_labels)
        for split, files in files_by_split(paths.SEG_DATA, read_json(paths.SPLITS)).items():
            frames = load_frames(files, params.input, training=False, store=store_folder())
            seen = seen_in(frames, torch_engine(network, frames.size, device), params.predict.batch_size)
            progress = tqdm(seen, f"check {split}", len(files), leave=False, disable=None)
            for file, one, label, size in zip(files, progress, frames.labels, frames.sizes, strict=True):
                check.add(split, file.image.relative_to(paths.SEG_DATA), size, one, label)
        regions = check.write((params.input.height, params.input.width))
    print(f"{regions} places in {len(check.checked)} frames where the label is improbable to the network")


# --- any pictures or video


def predict_any() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a KeyboardInterrupt, so that temporary files go
    options = read_options()
    trained, out = find_trained(options.model), options.out or default_out(options.source)
    target, every, summary = trained.params.input, options.every, out / "summary.csv"
    output: AbstractContextManager[Output]
    if film := is_video(options.source):
        video, written = open_video(Path(options.source)), out / f"{Path(options.source).stem}.mp4"
        refuse_existing([summary, written], [video.path], options.force)
        frames, total = read_video(video, every, target), -(-video.count // every)
        output = video_at(written, video.rate / every, trained.classes, options.overlay)
    else:
        files = find_pictures(options.source, sys.stdin.buffer, out)[::every]
        pictures = [path for file in files for path in picture_paths(out, file.name)]
        refuse_existing([summary, *pictures], [file.path for file in files], options.force)
        frames, total = read_pictures(files, target), len(files)
        output = nullcontext(pictures_in(out, trained.classes, options.overlay))

    from roadseg.inference.engines import load_network
    from roadseg.inference.predicting import predict_source
    from roadseg.networks.prediction import torch_engine

    row, how = trained.params.network, trained.params.predict
    network, device = load_network(trained.params.model, row, trained.weights, len(trained.classes), how)
    engine = torch_engine(network, (target.height, target.width), device, how.passes)
    with output as place:
        predicted, unreadable = predict_source(frames, total, trained, engine, place, summary)
        print(f"predicted {predicted} frame{'s' if predicted > 1 else ''} into {out}")
    if film:
        print(f"{written}: the frames with their classes, without sound")
    if unreadable and film:
        raise UserError("the video breaks off, as said above; replace it. The frames before are written")
    if unreadable:
        raise UserError(
            f"{unreadable} of the frames could not be read; replace what is named above. The others are written"
        )


def read_options() -> argparse.Namespace:
    """What the command line asks for; a UserError where a number is none or out of bounds."""
    parser = argparse.ArgumentParser(
        description="Predict on any pictures or video; without SOURCE, the DVC stage.",
        epilog="example: python src/predict.py drive.mp4 --every 5 --model release/first",
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", help="a picture, folder, glob or video, or - for a list of paths")
    add("--out", type=Path, metavar="DIR", help="where to write; predicted/NAME by default")
    add("--model", type=Path, metavar="PLACE", help="a release's folder or weights; the workspace's by default")
    add("--overlay", default="0.5", metavar="SHARE", help="how strong the colours lie over the frame, 0 to 1")
    add("--every", default="1", metavar="N", help="take every Nth frame")
    add("--force", action="store_true", help="overwrite what is there")
    options = parser.parse_args()
    options.overlay = in_range("--overlay", options.overlay, float, 0, 1)
    options.every = in_range("--every", options.every, int, 1)
    return options


def in_range(option: str, text: str, kind: type[Number], least: Number, most: Number | None = None) -> Number:
    """The number that an option gives: a share, or where there is no `most` a whole number."""
    name, bounds = ("a whole number", f"{least} or more") if most is None else ("a share", f"{least} to {most}")
    try:
        value = kind(text)
    except ValueError:
        raise UserError(f"{option} {printable(text)} is not {name}; choose {bounds}") from None
    if not least <= value <= (value if most is None else most):
        raise UserError(f"{option} {printable(text)} is out of bounds; choose {bounds}")
    return value


def default_out(source: str) -> Path:
    path = Path(source)
    return Path("predicted", path.resolve().stem if path.exists() else "pictures")


if __name__ == "__main__":
    run(predict_any) if sys.argv[1:] else run_stage(main)
