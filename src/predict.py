"""Predict the test frames at their own sizes, or any pictures or video.

python src/predict.py           DVC stage `predict`: data/seg_data, models/model.safetensors, models/early.safetensors
                                -> data/predictions/grey (train ids) and data/predictions/color (palette),
                                metrics/predict_times.json; data/label_check: places in the frames of all splits whose
                                label is improbable to the network of the early epochs, before it knew wrong ones by
                                heart
python src/predict.py SOURCE    a picture, a folder, a glob, a video, or - for a list of paths on the standard input
                                -> predicted/NAME, or --out: grey, color and overlay, or an overlaid MP4; summary.csv
"""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from roadseg.frames.classes import ClassSet, colorize, read_classes
from roadseg.frames.files import files_by_split, split_files
from roadseg.frames.images import write_image
from roadseg.frames.store import load_frames
from roadseg.inference.ahead import in_order
from roadseg.inference.exported import Exported
from roadseg.inference.finding import find_pictures, is_video
from roadseg.inference.label_check import LabelCheck, seen_in
from roadseg.inference.options import default_out, in_range, read_options
from roadseg.inference.predictions import WRITTEN_BEHIND, predict_pictures, predict_video
from roadseg.inference.trained import RunParams, Trained, find_trained
from roadseg.inference.video import open_video
from roadseg.networks.catalogue import build_model
from roadseg.networks.cost import Timed
from roadseg.networks.precision import make_deterministic, on_best_device, reuse_freed_memory, supported_precision
from roadseg.networks.prediction import Engine, predict, torch_engine
from roadseg.networks.weights import fill_network
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.machine import processor_name, store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import read_json, replacing, run, run_stage, write_json


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    predict_test_frames(params, classes)
    check_labels(params, classes)


def predict_test_frames(params: Params, classes: ClassSet) -> None:
    model, device = trained_model(params, paths.MODEL, len(classes))
    files = split_files(paths.SEG_DATA, read_json(paths.SPLITS), "test")
    frames = load_frames(files, params.input, training=False, store=store_folder())

    how = params.predict
    engine = torch_engine(model, frames.size, device, how.passes)
    maps = Timed(predict(engine, frames, range(len(frames)), how.batch_size, how.upsampling), warm_up=how.batch_size)
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


def check_labels(params: Params, classes: ClassSet) -> None:
    model, device = trained_model(params, paths.EARLY, len(classes))
    with replacing(paths.LABEL_CHECK) as folder:
        check = LabelCheck(folder, classes.names, params.check_labels)
        for split, files in files_by_split(paths.SEG_DATA, read_json(paths.SPLITS)).items():
            frames = load_frames(files, params.input, training=False, store=store_folder())
            seen = seen_in(frames, torch_engine(model, frames.size, device), params.predict.batch_size)
            progress = tqdm(seen, f"check {split}", len(files), leave=False, disable=None)
            for file, one, label, size in zip(files, progress, frames.labels, frames.sizes, strict=True):
                check.add(split, file.image.relative_to(paths.SEG_DATA), size, one, label)
        regions = check.write((params.input.height, params.input.width))
    print(f"{regions} places in {len(check.checked)} frames where the label is improbable to the network")


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
    reuse_freed_memory()
    network = build_model(params.model, params.network, num_classes)
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
    engine_of = partial(trained_engine, trained)
    out = options.out or default_out(options.source)
    if is_video(options.source):
        video = open_video(Path(options.source))
        if predict_video(video, every, strength, trained, engine_of, out, options.force):
            raise UserError("the video breaks off, as said above; replace it. The frames before are written")
        return
    found = find_pictures(options.source, sys.stdin.buffer, out)[::every]
    if broken := predict_pictures(found, strength, trained, engine_of, out, options.force):
        raise UserError(
            f"{broken} of the frames could not be read; replace what is named above. The others are written"
        )


def trained_engine(trained: Trained) -> Engine:
    """What predicts images of the input size, in all passes that the parameters ask for."""
    params = trained.params
    model, device = trained_model(params, trained.weights, len(trained.classes))
    return torch_engine(model, (params.input.height, params.input.width), device, params.predict.passes)


if __name__ == "__main__":
    run(predict_source) if sys.argv[1:] else run_stage(main)
