"""Train the network on the training frames and keep the weights of the chosen epoch.

python src/train.py    DVC stage `train`: data/seg_data, models/pretrained.safetensors, metrics/class_weights.json
                       -> models/model.safetensors, metrics/train.json, train_history.csv, train_times.json
"""

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric
from tqdm import tqdm

from pipeline import paths
from pipeline.machine import num_devices, num_workers, store_folder
from pipeline.params import load_params
from pipeline.stage import read_json, replacing, run_stage, write_json
from roadseg.classes import NUM_CLASSES
from roadseg.errors import UserError
from roadseg.frames.augment import build_policy
from roadseg.frames.batches import Batch, Batches, ShuffledDraws
from roadseg.frames.files import FrameFiles, further_files, split_files
from roadseg.frames.mixing import Further
from roadseg.frames.resized import load_frames
from roadseg.networks.catalogue import build_model
from roadseg.networks.determinism import make_deterministic
from roadseg.networks.memory import keep_freed_memory
from roadseg.networks.model_file import load_weights, save_weights
from roadseg.networks.suitability import check_smallest_batch
from roadseg.training.epoch import Best, build_optimizer, miou_of, train_epoch
from roadseg.training.losses import build_loss
from roadseg.training.preparation import prepare_network
from roadseg.training.processes import (
    build_fabric,
    check_batches,
    local_processes,
    precision_of,
    sum_over_processes,
)
from roadseg.training.schedules import build_schedule


def main() -> None:
    params, started = load_params(), time.perf_counter()
    fabric = build_fabric(params.train.precision, num_devices())
    files, watched_files = chosen_files(params.train.select)
    more_files, further = further_data({name: row.share for name, row in params.data.also.items()})
    draws = ShuffledDraws(len(files), params.train.batch_size, params.seed, params.augmentation.draws, further)
    check_batches(draws.num_draws, params.train.batch_size, fabric.world_size)
    frames = load_frames([*files, *more_files], params.input, training=True, store=store_folder())
    watched = load_frames(watched_files, params.input, training=False, store=store_folder())
    fabric.launch()  # each other process starts from the top, and finds the frames stored
    make_deterministic((params.seed + fabric.global_rank) % 2**32)  # dropout differs between processes
    keep_freed_memory()

    policy = build_policy(params.augment, params.augmentation.label_fill)
    batches = Batches(frames, draws, policy, workers_of(fabric), fabric.global_rank, fabric.world_size)
    network = build_model(params.model, params.models[params.model], NUM_CLASSES)
    smallest = draws.num_draws % params.train.batch_size or params.train.batch_size
    check_smallest_batch(params.model, network, smallest, params.input.height, params.input.width)
    network = prepare_network(network, load_weights(paths.PRETRAINED), fabric, params.train.compile)
    optimizer = build_optimizer(params.train.optimizer, network, params.train.lr, params.train.weight_decay)
    row = getattr(params.schedules, params.schedule)
    schedule = build_schedule(row, optimizer, params.train.epochs, len(batches))
    loss = build_loss(
        params.loss,
        class_weights=stored_class_weights(),
        mask_ignored=params.dice.ignored == "left_out",
        sum_over_processes=sum_over_processes,
    )
    full_batch = params.train.batch_size if params.train.short_batch == "by_frames" else None

    model, optimizer = fabric.setup(network, optimizer)
    train = partial(train_epoch, fabric, model, loss_of=loss, optimizer=optimizer, schedule=schedule)
    score = partial(miou_of, fabric, model, watched, watched_files, params.train.batch_size)
    history, best = [], Best()
    for epoch in range(1, params.train.epochs + 1):
        lr = optimizer.param_groups[0]["lr"]
        mean_loss = train(batches=with_progress(fabric, batches, epoch), full_batch=full_batch)
        miou = score() if watched_files else None
        schedule.after_epoch(miou)
        best.offer(epoch, None if params.train.select == "last" else miou, network)
        history.append({"epoch": epoch, "lr": lr, "loss": mean_loss, "miou": miou})
        fabric.print(row_text(**history[-1]), flush=True)
    if fabric.is_global_zero:
        write_outputs(best, history, fabric, time.perf_counter() - started, draws.num_draws)


def chosen_files(select: str) -> tuple[list[FrameFiles], list[FrameFiles]]:
    """The frames to train on, and those whose mIoU is watched: the held-out ones, or the test frames."""
    splits = read_json(paths.SPLITS)
    watched = split_files(paths.SEG_DATA, splits, "test" if select == "test" else "val")
    if select != "last" and not watched:
        raise UserError(
            f"train.select: {select}, but no frame is held out for it; raise data.val_fraction, or select last"
        )
    return split_files(paths.SEG_DATA, splits, "train"), watched


def further_data(shares: Mapping[str, float]) -> tuple[list[FrameFiles], list[Further]]:
    """The frames that are trained on beside the main ones, source by source, and how much of each an epoch holds."""
    splits = read_json(paths.SPLITS)
    files = {name: further_files(paths.SEG_DATA, splits, name) for name in sorted(shares)}
    further = [Further(len(found), shares[name]) for name, found in files.items()]
    return [file for found in files.values() for file in found], further


def workers_of(fabric: Fabric) -> int:
    """This process's share of the machine's loader processes."""
    return max(1, num_workers() // local_processes(fabric))


def stored_class_weights() -> list[float]:
    return [row["weight"] for row in read_json(paths.CLASS_WEIGHTS)]


def with_progress(fabric: Fabric, batches: Batches, epoch: int) -> Iterable[Batch]:
    hidden = None if fabric.is_global_zero else True  # None: where there is no terminal
    return tqdm(batches.of_epoch(epoch), f"epoch {epoch}", len(batches), leave=False, disable=hidden)


def row_text(epoch: int, lr: float, loss: float, miou: float | None) -> str:
    return f"epoch {epoch:3d}  lr {lr:.2e}  loss {loss:.4f}" + (f"  mIoU {miou:.4f}" if miou is not None else "")


def write_outputs(best: Best, history: list[dict[str, Any]], fabric: Fabric, seconds: float, num_draws: int) -> None:
    with replacing(paths.MODEL) as temporary:
        save_weights(temporary, best.weights)
    with replacing(paths.TRAIN_HISTORY) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    chosen = {key: history[best.epoch - 1][key] for key in ("epoch", "loss", "miou")}
    write_json(paths.TRAIN, chosen | {"device": device_name(fabric)})
    images_per_second = round(num_draws * len(history) / seconds, 2)
    write_json(paths.TRAIN_TIMES, {"seconds": round(seconds, 1), "images_per_second": images_per_second})


def device_name(fabric: Fabric) -> str:
    """What the training ran on, as far as it decides the result."""
    if fabric.device.type == "cuda":
        name = torch.cuda.get_device_name(fabric.device)
    else:
        threads = torch.get_num_threads()
        name = f"{fabric.device.type} with {threads} thread{'s' if threads > 1 else ''}"
    processes = f"{fabric.world_size} x " if fabric.world_size > 1 else ""
    return f"{processes}{name}, {precision_of(fabric)}"


if __name__ == "__main__":
    run_stage(main)
