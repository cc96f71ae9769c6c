"""Train the network on the training frames and keep the weights of the chosen epoch, or a mean of several.

python src/train.py    DVC stage `train`: data/seg_data, models/pretrained.safetensors, models/teacher.safetensors,
                       metrics/class_weights.json
                       -> models/model.safetensors, models/early.safetensors, metrics/train.json, train_history.csv,
                       train_iou.csv, train_times.json

After each epoch train_history.csv and train_iou.csv hold all rows so far, and train.json the last one; in the end the
chosen one. docs/watch.md shows how to look at them.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn

from pipeline import paths
from pipeline.board import Board, board_folder, check_board
from pipeline.fingerprint import fingerprint
from pipeline.history_files import show_epoch, write_history, write_times
from pipeline.machine import num_devices, num_workers, store_folder
from pipeline.params import Params, load_params
from pipeline.stage import read_json, replacing, run_stage, write_json
from pipeline.supervision import stop_asked_for
from pipeline.training_frames import chosen_files, further_data, training_frames
from pipeline.unchanged import params_taken, stop_where_changed
from roadseg.classes import ClassSet, read_classes
from roadseg.frames.augment import Policy, build_policy
from roadseg.frames.batches import Batches, ShuffledDraws
from roadseg.frames.crops import Crops
from roadseg.frames.files import FrameFiles
from roadseg.frames.resized import Frames, load_frames
from roadseg.networks.catalogue import build_model
from roadseg.networks.determinism import make_deterministic, use_threads
from roadseg.networks.memory import keep_freed_memory
from roadseg.networks.model_file import load_weights, save_weights
from roadseg.networks.suitability import check_smallest_batch
from roadseg.training.auxiliary import with_auxiliary
from roadseg.training.averaging import Kept, copy_of
from roadseg.training.course import run_epochs, score_of
from roadseg.training.epoch import build_optimizer, train_epoch
from roadseg.training.freezing import Frozen
from roadseg.training.groups import parameter_groups
from roadseg.training.loss_choice import choose_loss
from roadseg.training.losses import Loss
from roadseg.training.members import Member, Row, chosen_row, mean_history, soup_of
from roadseg.training.preparation import prepare_network
from roadseg.training.processes import (
    build_fabric,
    check_batches,
    check_shareable,
    device_name,
    gather_over_processes,
    local_processes,
    sum_over_processes,
)
from roadseg.training.progress import Progress, with_progress
from roadseg.training.pulls import Pull, build_pull
from roadseg.training.saved import Saved, claim
from roadseg.training.schedules import build_schedule
from roadseg.training.start import check_given, check_pretrained, given_tensors
from roadseg.training.state import TrainingState
from roadseg.training.teacher import teacher_pull
from roadseg.training.watching import Watched, chance_of, watch

NOTHING: dict[str, Any] = {"seconds": 0.0, "initial": {}, "members": [], "course": None}  # of no training so far


@dataclass(frozen=True)
class Data:
    """What is trained on, and what is watched."""

    names: list[str]  # of the pictures
    frames: Frames | Crops
    draws_of: Callable[[int], ShuffledDraws]  # by a seed
    num_draws: int  # in an epoch
    policy: Policy | None
    watched_files: list[FrameFiles]
    watched: Frames


def main() -> None:
    params, started = load_params(), time.perf_counter()
    classes = read_classes(paths.SEG_DATA)
    if params.train.tensorboard:
        check_board()
    fabric = build_fabric(params.train.precision, num_devices())
    start = load_weights(paths.PRETRAINED)
    check_given(start, {"train.keep_start": params.train.keep_start, "train.l2_sp": params.train.l2_sp})
    check_shareable(params.train.freeze, fabric.world_size)
    data = load_data(params, classes, fabric.world_size)
    fabric.launch()  # each other process starts from the top, and finds the frames stored
    use_threads(params.train.threads)
    keep_freed_memory()

    saved = saved_states(params, fabric, data)
    before = saved.latest() or NOTHING
    started -= before["seconds"]
    members, miou = train_members(params, fabric, data, start, saved, before, started, classes.names)
    stop_where_changed(params_taken())  # as long as the state of the training is still there
    if fabric.is_global_zero:
        with replacing(paths.MODEL) as model, replacing(paths.EARLY) as early:
            save_weights(model, soup_of(member.weights for member in members))
            save_weights(early, soup_of(member.early for member in members))
        write_history(mean_history([member.history for member in members]), classes.names)
        write_json(paths.TRAIN, chosen_row(members, miou) | {"device": device_name(fabric)})
        write_times(time.perf_counter() - started, data.num_draws * params.train.epochs * params.train.members)
    saved.remove()


def load_data(params: Params, classes: ClassSet, world: int) -> Data:
    """The frames of data/seg_data that this training takes; UserError where so many processes can't share them."""
    files, watched_files = chosen_files(params.train.select)
    more_files, further = further_data(shares_of(params))
    kind, batch_size = params.augmentation.draws, params.train.batch_size
    num_draws = ShuffledDraws(len(files), batch_size, params.seed, kind, further).num_draws
    check_batches(num_draws, batch_size, world)
    return Data(
        [file.image.name for file in (*files, *more_files)],
        training_frames(files, more_files, classes, params.augment, params.input, params.augmentation.strong),
        lambda seed: ShuffledDraws(len(files), batch_size, seed, kind, further),
        num_draws,
        build_policy(params.augment, params.augmentation.label_fill),
        watched_files,
        load_frames(watched_files, params.input, training=False, store=store_folder()),
    )


def saved_states(params: Params, fabric: Fabric, data: Data) -> Saved:
    """Where this training keeps its state: in the store, under all that decides its result."""
    choices = [params.seed, params.model, params.models[params.model], params.loss, params.label_smoothing, params.dice]
    choices += [params.lovasz, params.ohem, params.focal, params.schedule, params.schedules, params.augment]
    choices += [params.augmentation, params.input, params.train, read_classes(paths.SEG_DATA)]
    choices += [{name: row.share for name, row in params.data.also.items()}, params.data.unlabelled]
    choices += [params.distill, params.models[params.distill.model]]
    content = [str(part.folder and part.folder.name) for part in (data.frames, data.watched)]
    values = [*map(str, choices), *content, device_name(fabric), fabric.world_size]
    files = [paths.PRETRAINED, paths.CLASS_WEIGHTS, paths.SPLITS]
    key = fingerprint(values, files + ([paths.TEACHER] if params.distill.teacher != "none" else []))
    folder = store_folder() / "trainings" / key
    lock = claim(folder) if fabric.is_global_zero else None
    is_free = fabric.broadcast(lock is not None)  # else the same training runs already, and keeps its state there
    return Saved(folder if is_free else None, fabric.global_rank, fabric.world_size, fabric.barrier, lock)


def train_members(
    params: Params,
    fabric: Fabric,
    data: Data,
    start: Mapping[str, Tensor],
    saved: Saved,
    before: Mapping[str, Any],
    began: float,
    class_names: Sequence[str],
) -> tuple[list[Member], float | None]:
    """Train those members that are not in `before`, which the store held, and return all with the mIoU of their mean.

    `began` is when the whole training did, by this process's clock.
    """
    members, initial = [Member(**fields) for fields in before["members"]], dict(before["initial"])
    total = params.train.members if params.train.epochs else 1
    course = before["course"]

    def save(state: TrainingState) -> None:
        finished = {"initial": initial, "members": [vars(member) for member in members]}
        seconds = time.perf_counter() - began
        saved.save((len(members), *state.step), finished | {"seconds": seconds, "course": state.state_dict()})

    chance = chance_of(data.watched_files, len(class_names)) if data.watched_files else None
    board = Board(board_folder(), class_names) if params.train.tensorboard else None
    show = partial(show_epoch, fabric, Progress(params.train.epochs, total), chance, board, class_names, members)
    with stop_asked_for(possible=fabric.world_size == 1) as asked:
        for number in range(len(members), total):
            seed = (params.seed + number) % 2**32
            member, miou_of = train_member(params, fabric, data, start, initial, seed, course, asked, save, show)
            members.append(member)
            course = None
    return members, members[0].miou if total == 1 else miou_of(soup_of(member.weights for member in members))


def train_member(
    params: Params,
    fabric: Fabric,
    data: Data,
    start: Mapping[str, Tensor],
    initial: dict[str, Tensor],
    seed: int,
    before: Mapping[str, Any] | None,
    asked: list[int],
    save: Callable[[TrainingState], None],
    show: Callable[[list[Row]], None],
) -> tuple[Member, Callable[[Mapping[str, Tensor]], float | None]]:
    """Train one network, and return what became of it and what says the mIoU that it would have with other weights.

    `initial` are the weights that all members begin with; the first member, to which it is empty, fills it. `before` is
    the state to go on from, `save` keeps a state, and `show` tells of an epoch.
    """
    make_deterministic((seed + fabric.global_rank) % 2**32)  # dropout differs between processes
    rank, world = fabric.global_rank, fabric.world_size
    batches = Batches(data.frames, data.draws_of(seed), data.policy, workers_of(fabric), rank, world)
    if batches.shortage:
        fabric.print(batches.shortage, flush=True)
    network = starting_network(params, fabric, data, start)
    frozen = Frozen(network, params.train.batch_norm, params.train.freeze)
    frozen.in_epoch(1)  # processes agree on what trains when they are set up
    model, state, train = learning(params, fabric, data.names, network, start, initial, len(batches))
    if before:
        state.load_state_dict(before)
        fabric.print(f"goes on in epoch {state.epoch}, where the training was stopped", flush=True)
    score = partial(watcher(params, fabric, data), model) if data.watched_files else None
    member = run_epochs(
        network,
        params.train.epochs,
        partial(with_progress, fabric, batches, asked),
        train,
        frozen,
        score,
        state,
        choose=params.train.select in ("val", "test"),
        average_last=params.train.average_last,
        show=show,
        save=save,
    )
    return member, lambda weights: score_of(weights, network, score)


def starting_network(params: Params, fabric: Fabric, data: Data, start: Mapping[str, Tensor]) -> nn.Module:
    """The chosen network with the weights to start from; UserError where they, or the batches, can't serve it."""
    network = build_model(params.model, params.models[params.model], num_classes())
    check_pretrained(network, start, params.train.members, params.train.keep_logits, params.train.epochs)
    synced = params.train.batch_norm == "train"
    if synced:  # statistics that stay don't mind a single frame
        smallest = data.num_draws % params.train.batch_size or params.train.batch_size
        check_smallest_batch(params.model, network, smallest, *data.frames.size)
    return prepare_network(network, start, fabric, params.train.compile, synced)


def learning(
    params: Params,
    fabric: Fabric,
    names: Sequence[str],
    network: nn.Module,
    start: Collection[str],
    initial: dict[str, Tensor],
    batches_per_epoch: int,
) -> tuple[nn.Module, TrainingState, Callable[..., float]]:
    """What a training consists of when it begins: the network on its devices, the state, and what trains an epoch.

    `start` names the weights that the network was given. `initial` are all that it begins with; where that is empty,
    it is filled. `names` are those of the frames.
    """
    trained, loss, groups = trained_parts(params, network)
    optimizer = build_optimizer(params.train.optimizer, groups, params.train.lr, params.train.weight_decay)
    row = getattr(params.schedules, params.schedule)
    schedule = build_schedule(row, optimizer, max(params.train.epochs, 1), batches_per_epoch)
    model, optimizer = fabric.setup(trained, optimizer)  # all processes now have the same weights
    initial.update(initial or copy_of(network))
    network.load_state_dict(initial)  # and so have all members, where they are not pretrained, too
    given = given_tensors(network, start)
    kept = Kept(network, params.train.ema, given, params.train.keep_start)
    taught = [teacher_of(params, fabric)] if params.distill.teacher != "none" else []
    train = partial(
        train_epoch,
        fabric,
        model,
        loss_of=loss,
        optimizer=optimizer,
        schedule=schedule,
        full_batch=params.train.batch_size if params.train.short_batch == "by_frames" else None,
        clip=params.train.clip,
        after_step=kept.after_step,
        name_of=names.__getitem__,
        pull=build_pull(fabric, network, given, params.train.l2_sp, params.train.keep_logits, taught),
    )
    return model, TrainingState(trained, optimizer, fabric.strategy.precision, schedule, kept), train


def teacher_of(params: Params, fabric: Fabric) -> Pull:
    """What pulls the network towards its teacher."""
    teacher = build_model(params.distill.model, params.models[params.distill.model], num_classes())
    teacher.load_state_dict(load_weights(paths.TEACHER), strict=False)  # counters of batches may be missing
    return teacher_pull(fabric, teacher, params.distill.weight, params.distill.labels, params.distill.confidence)


def trained_parts(params: Params, network: nn.Module) -> tuple[nn.Module, Loss, list[dict[str, Any]]]:
    """The network, with a second head where one is asked for, its loss, and the optimiser's groups of its weights."""
    lr, weight_decay, head_lr = params.train.lr, params.train.weight_decay, params.train.head_lr
    groups = parameter_groups(network, lr, weight_decay, head_lr, params.train.layer_decay, params.train.decay)
    loss = chosen_loss(params, sum_over_processes, gather_over_processes)
    if not params.train.aux:
        return network, loss, groups
    both, loss = with_auxiliary(network, params.train.aux, loss, sum_over_processes, num_classes())
    parameters = list(both.head.parameters())
    head = {"params": parameters, "lr": lr * head_lr, "lr_scale": head_lr, "weight_decay": weight_decay}
    return both, loss, [*groups, head]


def chosen_loss(
    params: Params, sum_over_processes: Callable[[Tensor], Tensor], gather: Callable[[Tensor], Tensor]
) -> Loss:
    return choose_loss(
        params.loss,
        class_weights=stored_class_weights(),
        mask_ignored=params.dice.ignored == "left_out",
        label_smoothing=params.label_smoothing,
        every=params.lovasz.every,
        threshold=params.ohem.threshold,
        min_share=params.ohem.min_share,
        gamma=params.focal.gamma,
        sum_over_processes=sum_over_processes,
        gather=gather,
        num_classes=num_classes(),
    )


def watcher(params: Params, fabric: Fabric, data: Data) -> Callable[[nn.Module], Watched]:
    """What a model is worth on the watched frames; the loss is that of training, without what pulls at the network."""
    loss = chosen_loss(params, lambda sums: sums, lambda rows: rows)  # each process has whole batches
    frames, files, batch_size, classes = data.watched, data.watched_files, params.train.batch_size, num_classes()
    return lambda model: watch(fabric, model, frames, files, batch_size, loss, classes)


def shares_of(params: Params) -> dict[str, float]:
    """How much of an epoch each source of further data is, by its name."""
    shares = {name: row.share for name, row in params.data.also.items()}
    if params.data.unlabelled.source != "none":
        shares[paths.UNLABELLED] = params.data.unlabelled.share
    return shares


def num_classes() -> int:
    return len(read_classes(paths.SEG_DATA))


def workers_of(fabric: Fabric) -> int:
    """This process's share of the machine's loader processes."""
    return max(1, num_workers() // local_processes(fabric))


def stored_class_weights() -> list[float]:
    return [row["weight"] for row in read_json(paths.CLASS_WEIGHTS)]


if __name__ == "__main__":
    run_stage(main)
