"""Train the network on the training frames and keep the weights of the chosen epoch.

python src/train.py    DVC stage `train`: data/seg_data, models/pretrained.safetensors, metrics/class_weights.json
                       -> models/model.safetensors, metrics/train.json, train_history.csv, train_times.json
"""

import json
import time

import pandas as pd
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file
from tqdm import tqdm

from pipeline import paths
from pipeline.machine import store_folder
from pipeline.params import load_params
from pipeline.stage import replacing, run, write_json
from roadseg.classes import NUM_CLASSES
from roadseg.errors import UserError
from roadseg.frames.augment import study_policy
from roadseg.frames.batches import Batches, ShuffledDraws
from roadseg.frames.resized import FrameFiles, frame_files, load_frames, resize_of
from roadseg.networks.catalogue import build_model
from roadseg.networks.determinism import make_deterministic
from roadseg.networks.memory import keep_freed_memory
from roadseg.networks.precision import widen_depthwise
from roadseg.networks.weights import save_tensors
from roadseg.training.epoch import Best, build_optimizer, compile_network, train_epoch
from roadseg.training.evaluation import miou_of
from roadseg.training.losses import build_loss
from roadseg.training.processes import (
    build_fabric,
    check_batches,
    local_processes,
    precision_of,
    sum_over_processes,
    sync_batch_norms,
)
from roadseg.training.schedules import build_schedule


def main() -> None:
    params = load_params()
    started = time.perf_counter()
    fabric = build_fabric(params.train.precision)
    train_files, watched_files = split_files(params.train.select)
    check_batches(len(train_files), params.train.batch_size, fabric.world_size)
    size = params.input.height, params.input.width
    frames = load_frames(train_files, *size, resize_of(params.input.resize, training=True), store_folder())
    watched = load_frames(watched_files, *size, resize_of(params.input.resize, training=False), store_folder())
    fabric.launch()  # each other process starts from the top, and finds the frames stored
    make_deterministic((params.seed + fabric.global_rank) % 2**32)  # dropout differs between processes
    keep_freed_memory()

    policy = study_policy(params.augmentation.label_fill) if params.augment == "study" else None
    draws = ShuffledDraws(len(frames), params.train.batch_size, params.seed, params.augmentation.draws)
    batches = Batches(frames, draws, policy, fabric.global_rank, fabric.world_size, local_processes(fabric))

    network = build_model(params.model, params.models[params.model].model_dump(), NUM_CLASSES)
    network.load_state_dict(load_file(paths.PRETRAINED), strict=False)
    network = sync_batch_norms(network, fabric.device)
    network.to(memory_format=torch.channels_last)  # as the images come; up to 6 times faster on a CPU
    widen_depthwise(network, precision_of(fabric), fabric.device)
    if params.train.compile:
        compile_network(network, fabric.device)
    optimizer = build_optimizer(params.train.optimizer, network, params.train.lr, params.train.weight_decay)
    schedule_settings = getattr(params.schedules, params.schedule).model_dump()
    schedule = build_schedule(params.schedule, schedule_settings, optimizer, params.train.epochs, len(batches))
    loss = build_loss(params.loss, NUM_CLASSES, 255, stored_class_weights(), sum_over_processes)
    full_batch = params.train.batch_size if params.train.short_batch == "by_frames" else None

    model, optimizer = fabric.setup(network, optimizer)
    history, best = [], Best()
    for draws.epoch in range(1, params.train.epochs + 1):
        lr = optimizer.param_groups[0]["lr"]
        progress = tqdm(batches, f"epoch {draws.epoch}/{params.train.epochs}", leave=False, disable=quiet(fabric))
        mean_loss = train_epoch(fabric, model, progress, loss, optimizer, schedule, full_batch)
        miou = miou_of(fabric, model, watched, watched_files, params.train.batch_size) if watched_files else None
        schedule.after_epoch(miou)
        best.offer(draws.epoch, None if params.train.select == "last" else miou, network)
        history.append({"epoch": draws.epoch, "lr": lr, "loss": mean_loss, "miou": miou})
        fabric.print(row_text(**history[-1]), flush=True)
    if fabric.is_global_zero:
        seconds = time.perf_counter() - started
        write_outputs(best, history, fabric, seconds, len(frames) * params.train.epochs)


def split_files(select: str) -> tuple[list[FrameFiles], list[FrameFiles]]:
    """The frames to train on, and those whose mIoU is watched: the held-out ones, or the test frames."""
    splits = json.loads(paths.SPLITS.read_text())
    training, testing = paths.SEG_DATA / "training", paths.SEG_DATA / "testing"
    watched = frame_files(testing, splits["test"]) if select == "test" else frame_files(training, splits["val"])
    if select != "last" and not watched:
        raise UserError(
            f"train.select: {select}, but no frame is held out for it; raise data.val_fraction, or select last"
        )
    return frame_files(training, splits["train"]), watched


def stored_class_weights() -> list[float]:
    return [row["weight"] for row in json.loads(paths.CLASS_WEIGHTS.read_text())]


def quiet(fabric: Fabric) -> bool | None:
    return None if fabric.is_global_zero else True  # None: where there is no terminal


def row_text(epoch: int, lr: float, loss: float, miou: float | None) -> str:
    return f"epoch {epoch:3d}  lr {lr:.2e}  loss {loss:.4f}" + (f"  mIoU {miou:.4f}" if miou is not None else "")


def write_outputs(best: Best, history: list[dict[str, float]], fabric: Fabric, seconds: float, num_images: int) -> None:
    with replacing(paths.MODEL) as temporary:
        save_tensors(temporary, best.weights)
    with replacing(paths.TRAIN_HISTORY) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    chosen = {key: history[best.epoch - 1][key] for key in ("epoch", "loss", "miou")}
    write_json(paths.TRAIN, chosen | {"device": device_name(fabric)})
    times = {"seconds": round(seconds, 1), "images_per_second": round(num_images / seconds, 2)}
    write_json(paths.TRAIN_TIMES, times)


def device_name(fabric: Fabric) -> str:
    """What the training ran on, as far as it decides the result."""
    if fabric.device.type == "cuda":
        name = torch.cuda.get_device_name(fabric.device)
    else:
        name = f"{fabric.device.type} with {torch.get_num_threads()} threads"
    processes = f"{fabric.world_size} x " if fabric.world_size > 1 else ""
    return f"{processes}{name}, {precision_of(fabric)}"


if __name__ == "__main__":
    run(main)
