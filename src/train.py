"""Train the network on the training frames and keep the weights of the chosen epoch, or a mean of several.

python src/train.py    DVC stage `train`: data/seg_data, models/pretrained.safetensors, models/teacher.safetensors,
                       metrics/class_weights.json
                       -> models/model.safetensors, metrics/train.json, train_history.csv, train_iou.csv,
                       train_times.json

After each epoch train_history.csv and train_iou.csv hold all rows so far, and train.json the last one; in the end the
chosen one. docs/watch.md shows how to look at them.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from tqdm import tqdm

from pipeline import paths
from pipeline.board import Board, board_folder, check_board
from pipeline.fingerprint import fingerprint
from pipeline.history_files import write_history
from pipeline.machine import num_devices, num_workers, store_folder
from pipeline.params import Params, load_params
from pipeline.stage import read_json, replacing, run_stage, write_json
from pipeline.supervision import stop_asked_for
from pipeline.training_frames import chosen_files, further_data, training_frames
from pipeline.unchanged import params_taken, stop_where_changed
from roadseg.classes import read_classes
from roadseg.errors import Stopped
from roadseg.frames.augment import build_policy
from roadseg.frames.batches import Batch, Batches, ShuffledDraws
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
    local_processes,
    precision_of,
    sum_over_processes,
)
from roadseg.training.progress import Progress
from roadseg.training.pulls import Pull, build_pull
from roadseg.training.saved import Saved, claim
from roadseg.training.schedules import build_schedule
from roadseg.training.signs import signs_of
from roadseg.training.start import check_given, check_pretrained, given_tensors
from roadseg.training.state import TrainingState
from roadseg.training.teacher import teacher_pull
from roadseg.training.watching import Watched, chance_of, watch

Watch = Callable[[nn.Module], Watched]  # what a model is worth on the watched frames
NOTHING: dict[str, Any] = {"seconds": 0.0, "initial": {}, "members": [], "course": None}  # of no training so far


def main() -> None:
    params, started = load_params(), time.perf_counter()
    classes = read_classes(paths.SEG_DATA)
    if params.train.tensorboard:
        check_board()
    fabric = build_fabric(params.train.precision, num_devices())
    start = load_weights(paths.PRETRAINED)
    check_given(start, {"train.keep_start": params.train.keep_start, "train.l2_sp": params.train.l2_sp})
    files, watched_files = chosen_files(params.train.select)
    check_shareable(params.loss, params.train.freeze, fabric.world_size)
    more_files, further = further_data(shares_of(params))
    draw = partial(ShuffledDraws, len(files), params.train.batch_size, kind=params.augmentation.draws, further=further)
    num_draws = draw(seed=params.seed).num_draws
    check_batches(num_draws, params.train.batch_size, fabric.world_size)
    frames = training_frames([*files, *more_files], classes, params.augment, params.input, params.augmentation.strong)
    watched = load_frames(watched_files, params.input, training=False, store=store_folder())
    policy = build_policy(params.augment, params.augmentation.label_fill)
    fabric.launch()  # each other process starts from the top, and finds the frames stored
    use_threads(params.train.threads)
    keep_freed_memory()

    smallest = num_draws % params.train.batch_size or params.train.batch_size
    saved = saved_states(params, fabric, frames, watched)
    before = saved.latest() or NOTHING
    members, initial = [Member(**fields) for fields in before["members"]], dict(before["initial"])
    chance = chance_of(watched_files, len(classes)) if watched_files else None
    progress = Progress(params.train.epochs, params.train.members if params.train.epochs else 1)
    board = Board(board_folder(), classes.names) if params.train.tensorboard else None
    show = partial(show_epoch, fabric, progress, chance, board, classes.names, members)
    with stop_asked_for(possible=fabric.world_size == 1) as asked:
        for number in range(len(members), params.train.members if params.train.epochs else 1):
            seed = (params.seed + number) % 2**32
            make_deterministic((seed + fabric.global_rank) % 2**32)  # dropout differs between processes
            rank, world = fabric.global_rank, fabric.world_size
            batches = Batches(frames, draw(seed=seed), policy, workers_of(fabric), rank, world)
            if batches.shortage:
                fabric.print(batches.shortage, flush=True)
            network = starting_network(params, start, fabric, smallest, frames.size)
            member, score = train_member(
                params,
                network,
                start,
                initial,
                partial(with_progress, fabric, batches, asked),
                len(batches),
                [file.image.name for file in (*files, *more_files)],
                watcher(params, fabric, watched, watched_files) if watched_files else None,
                fabric,
                before["course"] if number == len(before["members"]) else None,
                partial(save_state, saved, members, initial, before["seconds"] - started),
                show,
            )
            members.append(member)
            del batches  # its processes end before those of the next member start
    weights = soup_of(members)
    miou = score_of(weights, network, score) if len(members) > 1 else members[0].miou
    stop_where_changed(params_taken())  # as long as the state of the training is still there
    if fabric.is_global_zero:
        with replacing(paths.MODEL) as temporary:
            save_weights(temporary, weights)
        write_history(mean_history([member.history for member in members]), classes.names)
        write_json(paths.TRAIN, chosen_row(members, miou) | {"device": device_name(fabric)})
        seconds = before["seconds"] + time.perf_counter() - started
        write_times(seconds, num_draws * params.train.epochs * params.train.members)
    saved.remove()


def saved_states(params: Params, fabric: Fabric, frames: Frames | Crops, watched: Frames) -> Saved:
    """Where this training keeps its state: in the store, under all that decides its result."""
    choices = [params.seed, params.model, params.models[params.model], params.loss, params.label_smoothing, params.dice]
    choices += [params.ohem, params.focal, params.schedule, params.schedules, params.augment, params.augmentation]
    choices += [params.input, params.train, {name: row.share for name, row in params.data.also.items()}]
    choices += [
        read_classes(paths.SEG_DATA),
        params.data.unlabelled,
        params.distill,
        params.models[params.distill.model],
    ]
    content = [str(part.folder and part.folder.name) for part in (frames, watched)]
    values = [*map(str, choices), *content, device_name(fabric), fabric.world_size]
    files = [paths.PRETRAINED, paths.CLASS_WEIGHTS, paths.SPLITS]
    key = fingerprint(values, files + ([paths.TEACHER] if params.distill.teacher != "none" else []))
    folder = store_folder() / "trainings" / key
    lock = claim(folder) if fabric.is_global_zero else None
    is_free = fabric.broadcast(lock is not None)  # else the same training runs already, and keeps its state there
    return Saved(folder if is_free else None, fabric.global_rank, fabric.world_size, fabric.barrier, lock)


def save_state(
    saved: Saved, members: list[Member], initial: dict[str, Tensor], began: float, state: TrainingState
) -> None:
    """Keep the state of the training that comes after the finished `members`; `began` is when all of it did."""
    content = {
        "seconds": time.perf_counter() + began,
        "initial": initial,
        "members": [vars(member) for member in members],
        "course": state.state_dict(),
    }
    saved.save((len(members), *state.step), content)


def starting_network(
    params: Params, start: Mapping[str, Tensor], fabric: Fabric, smallest_batch: int, size: tuple[int, int]
) -> nn.Module:
    """The chosen network with the weights to start from; UserError where they, or the batches, can't serve it."""
    synced = params.train.batch_norm == "train"
    network = build_model(params.model, params.models[params.model], num_classes())
    check_pretrained(network, start, params.train.members, params.train.keep_logits, params.train.epochs)
    if synced:  # statistics that stay don't mind a single frame
        check_smallest_batch(params.model, network, smallest_batch, *size)
    return prepare_network(network, start, fabric, params.train.compile, synced)


def train_member(
    params: Params,
    network: nn.Module,
    start: Mapping[str, Tensor],
    initial: dict[str, Tensor],
    batches_of: Callable[[int, int], Iterable[Batch]],
    batches_per_epoch: int,
    names: Sequence[str],
    watch: Watch | None,
    fabric: Fabric,
    before: dict[str, Any] | None,
    save: Callable[[TrainingState], None],
    show: Callable[[list[Row]], None],
) -> tuple[Member, Callable[[], Watched] | None]:
    """Train one network, and return what became of it and what says how much the weights that it holds are worth.

    `initial` are the weights that all members begin with; the first member, to which it is empty, fills it. `names` are
    those of the frames. `before` is the state to go on from, `save` keeps a state, and `show` tells of an epoch.
    """
    frozen = Frozen(network, params.train.batch_norm, params.train.freeze)
    frozen.in_epoch(1)  # processes agree on what trains when they are set up
    trained, loss, groups = trained_parts(params, network)
    optimizer = build_optimizer(params.train.optimizer, groups, params.train.lr, params.train.weight_decay)
    row = getattr(params.schedules, params.schedule)
    schedule = build_schedule(row, optimizer, max(params.train.epochs, 1), batches_per_epoch)
    model, optimizer = fabric.setup(trained, optimizer)  # all processes now have the same weights
    initial.update(initial or copy_of(network))
    network.load_state_dict(initial)  # and so have all members, where they are not pretrained, too

    given = given_tensors(network, start)
    taught = [teacher_of(params, fabric)] if params.distill.teacher != "none" else []
    kept = Kept(network, params.train.ema, given, params.train.keep_start)
    state = TrainingState(trained, optimizer, fabric.strategy.precision, schedule, kept)
    if before:
        state.load_state_dict(before)
        fabric.print(f"goes on in epoch {state.epoch}, where the training was stopped", flush=True)
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
    score = partial(watch, model) if watch else None
    member = run_epochs(
        network,
        params.train.epochs,
        batches_of,
        train,
        frozen,
        score,
        state,
        choose=params.train.select in ("val", "test"),
        average_last=params.train.average_last,
        show=show,
        save=save,
    )
    return member, score


def teacher_of(params: Params, fabric: Fabric) -> Pull:
    """What pulls the network towards its teacher."""
    teacher = build_model(params.distill.model, params.models[params.distill.model], num_classes())
    teacher.load_state_dict(load_weights(paths.TEACHER), strict=False)  # counters of batches may be missing
    return teacher_pull(fabric, teacher, params.distill.weight, params.distill.labels, params.distill.confidence)


def trained_parts(params: Params, network: nn.Module) -> tuple[nn.Module, Loss, list[dict[str, Any]]]:
    """The network, with a second head where one is asked for, its loss, and the optimiser's groups of its weights."""
    lr, weight_decay, head_lr = params.train.lr, params.train.weight_decay, params.train.head_lr
    groups = parameter_groups(network, lr, weight_decay, head_lr, params.train.layer_decay, params.train.decay)
    loss = chosen_loss(params, sum_over_processes)
    if not params.train.aux:
        return network, loss, groups
    both, loss = with_auxiliary(network, params.train.aux, loss, sum_over_processes, num_classes())
    parameters = list(both.head.parameters())
    head = {"params": parameters, "lr": lr * head_lr, "lr_scale": head_lr, "weight_decay": weight_decay}
    return both, loss, [*groups, head]


def chosen_loss(params: Params, sum_over_processes: Callable[[Tensor], Tensor]) -> Loss:
    return choose_loss(
        params.loss,
        class_weights=stored_class_weights(),
        mask_ignored=params.dice.ignored == "left_out",
        label_smoothing=params.label_smoothing,
        threshold=params.ohem.threshold,
        min_share=params.ohem.min_share,
        gamma=params.focal.gamma,
        sum_over_processes=sum_over_processes,
        num_classes=num_classes(),
    )


def watcher(params: Params, fabric: Fabric, frames: Frames, files: Sequence[FrameFiles]) -> Watch:
    """What a model is worth on those frames; the loss is that of the training, without what pulls at the network."""
    loss = chosen_loss(params, lambda sums: sums)  # each process has whole batches
    batch_size, classes = params.train.batch_size, num_classes()
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


def with_progress(fabric: Fabric, batches: Batches, asked: list[int], epoch: int, first: int) -> Iterator[Batch]:
    """The batches of an epoch from number `first` on; Stopped before one where a signal has asked for it."""
    hidden = None if fabric.is_global_zero else True  # None: where there is no terminal
    of_epoch = batches.of_epoch(epoch, first)
    for batch in tqdm(of_epoch, f"epoch {epoch}", len(batches), leave=False, disable=hidden, initial=first):
        if asked:
            raise Stopped(asked[0], f"in epoch {epoch}; the next run goes on from there")
        yield batch


def show_epoch(
    fabric: Fabric,
    progress: Progress,
    chance: float | None,
    board: Board | None,
    class_names: Sequence[str],
    members: Sequence[Member],
    history: list[Row],
) -> None:
    """Tell of the epoch that has just ended in the training after the finished `members`: on disk, and in a line."""
    if not fabric.is_global_zero:
        return
    rows = mean_history([*(member.history for member in members), history])
    write_history(rows, class_names)
    last = {key: history[-1][key] for key in ("epoch", "loss", "miou")}
    write_json(paths.TRAIN, last | {"device": device_name(fabric)})
    if board:
        board.show(history, len(members))
    lines = [progress.line_of(history[-1], len(members)), *signs_of(history, progress.epochs, chance)]
    print("\n".join(lines), flush=True)


def write_times(seconds: float, num_images: int) -> None:
    images_per_second = round(num_images / seconds, 2)
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
