"""Train the network on the training frames and keep the weights of the chosen epoch.

python src/train.py    DVC stage `train`: data/seg_data, models/pretrained.safetensors,
                       metrics/class_weights.json
                       -> models/model.safetensors, models/early.safetensors, metrics/train.json, train_history.csv,
                       train_iou.csv, train_times.json

After each epoch train_history.csv and train_iou.csv hold all rows so far, and train.json the last one; in the end the
chosen one. docs/tour.md shows how to look at them.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor

from roadseg.frames.augment import Augmented
from roadseg.frames.batches import Batches
from roadseg.frames.classes import read_classes
from roadseg.networks.precision import make_deterministic, reuse_freed_memory, use_threads
from roadseg.networks.weights import load_weights, save_weights
from roadseg.pipeline import paths
from roadseg.pipeline.machine import num_devices, num_workers, store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import replacing, run_stage, write_json
from roadseg.pipeline.supervision import stop_asked_for
from roadseg.pipeline.unchanged import params_taken, stop_where_changed
from roadseg.training.course import run_epochs, score_of
from roadseg.training.data import Data, load_data
from roadseg.training.fingerprint import fingerprint
from roadseg.training.freezing import Frozen
from roadseg.training.history_files import show_epoch, write_history, write_times
from roadseg.training.members import Member
from roadseg.training.parts import learning, starting_network, watcher
from roadseg.training.processes import (
    build_fabric,
    check_shareable,
    device_name,
    local_processes,
)
from roadseg.training.progress import Progress, with_progress
from roadseg.training.rare import with_rare_classes
from roadseg.training.saved import Saved, claim
from roadseg.training.start import check_given
from roadseg.training.state import TrainingState
from roadseg.training.watching import chance_of


def main() -> None:
    params, started = load_params(), time.perf_counter()
    classes = read_classes(paths.SEG_DATA)
    fabric = build_fabric(params.train.precision, num_devices())
    start = load_weights(paths.PRETRAINED)
    check_given(start, {"train.weight_interpolation": params.train.weight_interpolation})
    check_shareable(params.train.freeze, fabric.world_size)
    data = load_data(params, classes, fabric.world_size)
    fabric.launch()  # each other process starts from the top, and finds the frames stored
    use_threads(params.train.threads)
    reuse_freed_memory()

    saved = saved_states(params, fabric, data)
    before = saved.latest() or {"seconds": 0.0, "course": None}
    started -= before["seconds"]
    trained, miou_of = train_network(params, fabric, data, start, saved, before["course"], started)
    weights, miou = trained.weights, trained.miou
    if params.train.logit_adjustment and params.train.epochs:
        weights = with_rare_classes(params, fabric, data, start, weights)
        miou = miou_of(weights)
    stop_where_changed(params_taken())  # as long as the state of the training is still there
    if fabric.is_global_zero:
        with replacing(paths.MODEL) as model, replacing(paths.EARLY) as early:
            save_weights(model, weights)
            save_weights(early, trained.early)
        write_history(trained.history, classes.names)
        write_json(paths.TRAIN, trained.chosen_row | {"miou": miou, "device": device_name(fabric)})
        write_times(time.perf_counter() - started, len(data.files) * params.train.epochs)
    saved.remove()


def saved_states(params: Params, fabric: Fabric, data: Data) -> Saved:
    """Where this training keeps its state: in the store, under all that decides its result."""
    choices = [params.seed, params.model, params.network, params.loss, params.dice]
    choices += [params.lovasz, params.schedule, params.schedules, params.augment]
    choices += [params.augmentation, params.input, params.train, read_classes(paths.SEG_DATA)]
    content = [str(part.folder and part.folder.name) for part in (data.frames, data.watched)]
    values = [*map(str, choices), *content, device_name(fabric), fabric.world_size]
    key = fingerprint(values, [paths.PRETRAINED, paths.CLASS_WEIGHTS, paths.SPLITS])
    folder = store_folder() / "trainings" / key
    lock = claim(folder) if fabric.is_global_zero else None
    is_free = fabric.broadcast(lock is not None)  # else the same training runs already, and keeps its state there
    return Saved(folder if is_free else None, fabric.global_rank, fabric.world_size, fabric.barrier, lock)


def train_network(
    params: Params,
    fabric: Fabric,
    data: Data,
    start: Mapping[str, Tensor],
    saved: Saved,
    before: Mapping[str, Any] | None,
    began: float,
) -> tuple[Member, Callable[[Mapping[str, Tensor]], float | None]]:
    """Train the network, and return what became of it and what says the mIoU that it would have with other weights.

    That is None where no frames are watched. `before` is the state to go on from; `began` is when the whole training
    did, by this process's clock.
    """
    make_deterministic((params.seed + fabric.global_rank) % 2**32)  # dropout differs between processes
    rank, world = fabric.global_rank, fabric.world_size
    batches = Batches(Augmented(data.frames, data.policy), data.draws_of(params.seed), workers_of(fabric), rank, world)
    if batches.shortage:
        fabric.print(batches.shortage, flush=True)
    network = starting_network(params, fabric, data, start)
    frozen = Frozen(network, params.train.batch_norm, params.train.freeze)
    frozen.in_epoch(1)  # processes agree on what trains when they are set up
    model, state, train = learning(params, fabric, data.names, network, start, len(batches))
    if before:
        state.load_state_dict(before)
        fabric.print(f"goes on in epoch {state.epoch}, where the training was stopped", flush=True)
    score = partial(watcher(params, fabric, data), model) if data.watched_files else None
    class_names = read_classes(paths.SEG_DATA).names
    chance = chance_of(data.watched_files, len(class_names)) if data.watched_files else None

    def save(state: TrainingState) -> None:
        saved.save(state.step, {"seconds": time.perf_counter() - began, "course": state.state_dict()})

    with stop_asked_for(possible=fabric.world_size == 1) as asked:
        member = run_epochs(
            network,
            params.train.epochs,
            partial(with_progress, fabric, batches, asked),
            train,
            frozen,
            score,
            state,
            choose=params.train.select in ("val", "test"),
            show=partial(show_epoch, fabric, Progress(params.train.epochs), chance, class_names),
            save=save,
        )
    return member, lambda weights: score_of(weights, network, score)


def workers_of(fabric: Fabric) -> int:
    """This process's share of the machine's loader processes."""
    return max(1, num_workers() // local_processes(fabric))


if __name__ == "__main__":
    run_stage(main)
