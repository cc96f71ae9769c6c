"""Predict the test frames at their own sizes, or any pictures or video.

python src/predict.py           DVC stage `predict`: data/seg_data, models/model.safetensors
                                -> data/predictions/grey (train ids) and data/predictions/color (palette),
                                metrics/predict_times.json
python src/predict.py SOURCE    a picture, a folder, a glob, a video, or - for a list of paths on the standard input
                                -> predicted/NAME, or --out: grey, color and overlay, or an overlaid MP4; summary.csv
"""

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from pipeline import paths
from pipeline.machine import processor_name, store_folder
from pipeline.params import Params, load_params
from pipeline.stage import read_json, replacing, run, run_stage, write_json
from pipeline.trained import RunParams, Trained, find_trained
from roadseg.classes import ClassSet, colorize, read_classes
from roadseg.engines.exported import Exported
from roadseg.errors import UserError, printable
from roadseg.frames.files import split_files
from roadseg.frames.resized import load_frames
from roadseg.images import write_image
from roadseg.networks.catalogue import build_model
from roadseg.networks.determinism import make_deterministic
from roadseg.networks.devices import on_best_device
from roadseg.networks.memory import keep_freed_memory
from roadseg.networks.model_file import fill_network
from roadseg.networks.precision import supported_precision
from roadseg.networks.prediction import predict, torch_engine
from roadseg.networks.speed import Timed
from roadseg.outputs.pictures import overlay, picture_paths, write_pictures
from roadseg.outputs.summary import Row, Summary, shares_of
from roadseg.outputs.video_file import VideoFile
from roadseg.sources.ahead import in_order
from roadseg.sources.finding import Found, find_pictures, is_video
from roadseg.sources.frame import Broken, Frame, read_pictures, read_video
from roadseg.sources.predicting import Predicted, predict_frames
from roadseg.sources.video import Video, open_video

SUMMARY = "summary.csv"
WRITTEN_BEHIND = 16  # predictions at most that wait to be written


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    model, device = trained_model(params, paths.MODEL, len(classes))
    files = split_files(paths.SEG_DATA, read_json(paths.SPLITS), "test")
    frames = load_frames(files, params.input, training=False, store=store_folder())

    how = params.predict
    maps = Timed(
        predict(model, frames, range(len(frames)), how.batch_size, how.enlarge, device, how.passes),
        warm_up=how.batch_size,
    )
    with replacing(paths.PREDICTIONS) as folder, ThreadPoolExecutor() as pool:
        (folder / "grey").mkdir(parents=True)
        (folder / "color").mkdir()
        names = (file.label.name for file in files)
        jobs = (partial(write_prediction, folder, *pair, classes) for pair in zip(names, maps, strict=True))
        for _ in tqdm(in_order(pool, jobs, WRITTEN_BEHIND), "predict", len(files), leave=False, disable=None):
            pass
    speed = {"frames_per_second": round(maps.per_second, 2), "hardware": hardware_name(device), "engine": how.engine}
    write_json(paths.PREDICT_TIMES, speed)
    print(f"predicted {len(files)} frame{'s' if len(files) > 1 else ''} into {paths.PREDICTIONS}")


def hardware_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{processor_name()}, {threads} thread{'s' if threads > 1 else ''}"


def trained_model(params: Params | RunParams, weights: Path, num_classes: int) -> tuple[nn.Module, torch.device]:
    """The network that the parameters name, with its weights, as their engine runs it, and on which device.

    Torch takes the best device there is, the other engines the CPU.
    """
    make_deterministic()
    keep_freed_memory()
    network = build_model(params.model, params.models[params.model], num_classes)
    fill_network(network, weights)
    if params.predict.engine == "torch":
        return on_best_device(network, params.predict.precision)
    cpu = torch.device("cpu")
    bfloat16 = supported_precision(params.predict.precision, cpu) == "bf16-mixed"
    return Exported(params.predict.engine, network, bfloat16), cpu


def write_prediction(folder: Path, file: str, class_ids: np.ndarray, classes: ClassSet) -> None:
    write_image(folder / "grey" / file, class_ids)
    write_image(folder / "color" / file, colorize(class_ids, classes))


# --- any pictures or video


def predict_source() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a KeyboardInterrupt, so that temporary files go
    options = read_options()
    strength, every = in_range("--overlay", options.overlay, float, 0, 1), in_range("--every", options.every, int, 1)
    trained = find_trained(options.model)
    out = options.out or default_out(options.source)
    if is_video(options.source):
        video = open_video(Path(options.source))
        broken = predict_video(video, every, strength, trained, out, options.force)
    else:
        found = find_pictures(options.source, sys.stdin.buffer, out)[::every]
        broken = predict_pictures(found, strength, trained, out, options.force)
    if broken:
        raise UserError(
            f"{broken} of the frames could not be read; replace what is named above. The others are written"
        )


def predict_pictures(found: Sequence[Found], strength: float, trained: Trained, out: Path, force: bool) -> int:
    """Write the class map, the colours and the overlay of each picture; return how many could not be read."""
    targets = [out / SUMMARY, *(path for one in found for path in picture_paths(out, one.name))]
    refuse_existing(targets, [one.path for one in found], force)
    frames = read_pictures(found, trained.params.input)
    write = partial(write_frame, out, strength, trained.classes)
    return predict_all(frames, len(found), trained, write, ThreadPoolExecutor(), out)


def write_frame(out: Path, strength: float, classes: ClassSet, frame: Frame, class_ids: np.ndarray) -> None:
    colors = colorize(class_ids, classes)
    write_pictures(picture_paths(out, frame.name), frame.image, class_ids, colors, strength, replacing)


def predict_video(video: Video, every: int, strength: float, trained: Trained, out: Path, force: bool) -> int:
    """Write the frames of a video with their classes laid over them; return 1 where it breaks off."""
    target = out / f"{video.path.stem}.mp4"
    refuse_existing([out / SUMMARY, target], [video.path], force)
    frames, total = read_video(video, every, trained.params.input), -(-video.count // every)
    with replacing(target) as temporary:
        film = VideoFile(temporary, video.rate / every)

        def write(frame: Frame, class_ids: np.ndarray) -> None:
            film.add(overlay(frame.image, colorize(class_ids, trained.classes), strength))

        broken = predict_all(frames, total, trained, write, ThreadPoolExecutor(1), out)  # one: in their order
        film.close()
    print(f"{target}: the frames with their classes, without sound")
    return broken


def predict_all(
    frames: Iterable[Frame | Broken],
    total: int,
    trained: Trained,
    write: Callable[[Frame, np.ndarray], None],
    writers: ThreadPoolExecutor,
    out: Path,
) -> int:
    """Predict and write all frames, and the table of what is in them; return how many could not be read."""
    params, classes = trained.params, trained.classes
    model, device = trained_model(params, trained.weights, len(classes))
    how, size = params.predict, (params.input.height, params.input.width)
    engine = torch_engine(model, size, device, how.passes)
    with (
        replacing(out / SUMMARY) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
        tqdm(total=total or None, desc="predict", unit="frame", leave=False, disable=None) as progress,
        writers,
    ):
        summary, broken = Summary(file, classes.names), 0
        predicted = predict_frames(engine, frames, how.batch_size, how.enlarge)
        for row in in_order(writers, (partial(row_of, write, len(classes), one) for one in predicted), WRITTEN_BEHIND):
            if isinstance(row, Broken):
                broken += 1
                progress.write(f"passed over: {row.reason}", file=sys.stderr)
            else:
                summary.add(*row)
            progress.update()
        if not summary.count:
            raise UserError("no frame could be read, so nothing is written")
    print(f"predicted {summary.count} frame{'s' if summary.count > 1 else ''} into {out}")
    return broken


def row_of(write: Callable[[Frame, np.ndarray], None], num_classes: int, one: Predicted | Broken) -> Row | Broken:
    """Write what is predicted of a frame, in a thread, and return its row of the table."""
    if isinstance(one, Broken):
        return one
    write(one.frame, one.classes)
    return one.frame.name, one.confidence, shares_of(one.classes, num_classes)


def refuse_existing(targets: Iterable[Path], sources: Iterable[Path], force: bool) -> None:
    """Raise a UserError where something would be overwritten that was not to be: a source never is."""
    there = [path for path in targets if path.exists()]
    if there and not force:
        raise UserError(f"{printable(there[0])} is there already; overwrite it with --force, or name another --out")
    read = {path.resolve() for path in sources} if there else set()
    if own := next((path for path in there if path.resolve() in read), None):
        raise UserError(f"{printable(own)} is itself read, and would be overwritten; name another --out")


def default_out(source: str) -> Path:
    path = Path(source)
    return Path("predicted", path.resolve().stem if path.exists() else "pictures")


Number = TypeVar("Number", int, float)


def in_range(option: str, text: str, kind: type[Number], least: Number, most: Number | None = None) -> Number:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= (value if most is None else most):
        name, bounds = ("a whole number", "1 or more") if kind is int else ("a share", f"{least} to {most}")
        raise UserError(f"{option} {printable(text)} is not {name}; choose {bounds}")
    return value


def read_options() -> argparse.Namespace:
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
    return parser.parse_args()


if __name__ == "__main__":
    run(predict_source) if sys.argv[1:] else run_stage(main)
