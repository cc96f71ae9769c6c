"""Train the network on the training frames and keep the weights of the chosen epoch.

python src/train.py    DVC stage `train`: data/seg_data, models/pretrained.safetensors, metrics/class_weights.json
                       -> models/model.safetensors, models/early.safetensors, metrics/train.json, train_history.csv,
                       train_iou.csv, train_times.json

After each epoch train_history.csv and train_iou.csv hold all rows so far, and train.json the last one; in the end the
chosen one. docs/tour.md shows how to look at them. After each epoch, and where SIGINT or SIGTERM stops it between two
batches, the training leaves a checkpoint in the store, from which the next run goes on bit for bit.
"""

import math
import time
from collections.abc import Callable, Iterable
from functools import partial

from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from roadseg.frames.augment import Augmented, build_policy
from roadseg.frames.batches import Batch, Batches, BatchSampler
from roadseg.frames.classes import read_classes
from roadseg.frames.counting import count_pixels_of_files
from roadseg.frames.crops import Crops
from roadseg.frames.files import FrameFiles, files_of_training
from roadseg.frames.store import Frames, load_frames, load_whole_frames
from roadseg.networks.catalogue import build_model, check_smallest_batch
from roadseg.networks.precision import make_deterministic, reuse_freed_memory, use_threads
from roadseg.networks.prediction import normalize, upsample_like
from roadseg.networks.weights import load_weights, save_weights
from roadseg.pipeline import paths
from roadseg.pipeline.errors import Stopped, UserError
from roadseg.pipeline.machine import num_devices, num_workers, store_folder
from roadseg.pipeline.params import Params, Train, load_params
from roadseg.pipeline.stage import read_json, replacing, run_stage, write_json
from roadseg.pipeline.supervision import stop_asked_for
from roadseg.pipeline.unchanged import params_taken, stop_where_changed
from roadseg.training.averaging import AveragedWeights, is_early
from roadseg.training.logit_adjustment import adjust_logits
from roadseg.training.losses import Loss, build_loss
from roadseg.training.preparation import Frozen, note_of_random, prepare_network
from roadseg.training.processes import build_fabric, check_shareable, device_name, local_processes
from roadseg.training.progress import Progress, batches_with_bar, write_history
from roadseg.training.schedules import build_schedule
from roadseg.training.state import Row, Training, fingerprint, open_checkpoints
from roadseg.training.validation import Validation, ValidationSet, validate


def main() -> None:
    params, began = load_params(), time.perf_counter()
    train, classes = params.train, read_classes(paths.SEG_DATA)
    fabric = build_fabric(train.precision, num_devices())
    start = load_weights(paths.PRETRAINED)
    files, validation_files = files_of_training(paths.SEG_DATA, read_json(paths.SPLITS), train.select)
    check_shareable(len(files), train, fabric.world_size)
    frames = load_training_frames(params, files, len(classes))
    validation_frames = load_frames(validation_files, params.input, training=False, store=store_folder())
    validation_set = ValidationSet(validation_files, validation_frames, len(classes))
    fabric.launch()  # each other process starts from the top, and finds the frames stored
    use_threads(train.threads)
    reuse_freed_memory()
    ran = {"device": device_name(fabric), "epochs": train.epochs, "batch_size": train.batch_size, "lr": train.lr}
    ran |= {
        "loss_function": params.loss,
        "schedule": params.schedule,
        "augment": params.augment,
        "recipe": params.recipe,
    }

    make_deterministic((params.seed + fabric.global_rank) % 2**32)  # dropout differs between processes
    sampler = BatchSampler(len(files), train.batch_size, params.seed, params.augmentation.draws)
    augmented = Augmented(frames, build_policy(params.augment, params.augmentation.label_fill))
    workers = max(1, num_workers() // local_processes(fabric))  # this process's share of the loader processes
    batches = Batches(augmented, sampler, workers, fabric.global_rank, fabric.world_size)
    if batches.shortage:
        fabric.print(batches.shortage, flush=True)
    network = build_model(params.model, params.network, len(classes))
    if train.batch_norm == "train":  # statistics that stay don't mind a single frame
        check_smallest_batch(params.model, network, len(files) % train.batch_size or train.batch_size, *frames.size)
    network = prepare_network(network, start, fabric, train, len(classes))
    frozen = Frozen(network, train)
    frozen.in_epoch(1)  # processes agree on what trains when they are set up
    optimizer = build_optimizer(train, network)
    schedule = build_schedule(params.schedule_row, optimizer, max(train.epochs, 1), len(batches))
    model, optimizer = fabric.setup(network, optimizer)  # all processes now have the same weights
    averaged = AveragedWeights(network, train.ema, start, train.weight_interpolation)
    if note := note_of_random(network, start, train.weight_interpolation):
        fabric.print(note, flush=True)
    loss_of = chosen_loss(params, len(classes), shared=True)
    training = Training(train, fabric, files, network, model, frozen, loss_of, optimizer, schedule, averaged)
    loss_of_one = chosen_loss(params, len(classes), shared=False)  # each process validates whole batches
    validated = partial(validate, fabric, model, validation_set, train.batch_size, loss_of_one)

    folders = [part.folder and part.folder.name for part in (frames, validation_frames)]  # named after their content
    values = [classes, folders, ran["device"], fabric.world_size]
    key = fingerprint(params, values, [paths.PRETRAINED, paths.CLASS_WEIGHTS, paths.SPLITS])
    checkpoints = open_checkpoints(store_folder() / "trainings" / key, fabric)
    if checkpoint := checkpoints.latest():
        began -= checkpoint["seconds"]
        training.load_state_dict(checkpoint["state"])
        fabric.print(f"goes on in epoch {training.epoch}, where the training was stopped", flush=True)

    progress = Progress(train.epochs, validation_set.miou_of_one_class())

    def save() -> None:
        content = {"seconds": time.perf_counter() - began, "state": training.state_dict()}
        checkpoints.save((training.epoch, training.sums.batches), content)

    def write(row: Row) -> None:
        write_history(training.history, classes.names, paths.TRAIN_HISTORY, paths.TRAIN_IOU)
        write_json(paths.TRAIN, {key: row[key] for key in ("epoch", "loss", "miou")} | ran)

    def show() -> None:
        if fabric.is_global_zero:
            write(training.history[-1])
            print("\n".join(progress.lines_of(training.history)), flush=True)

    with stop_asked_for(possible=fabric.world_size == 1) as asked:
        run_epochs(training, partial(batches_with_bar, fabric, batches, asked), validated, save, show)

    chosen, weights = training.chosen_row, training.best.weights
    if train.logit_adjustment and train.epochs:
        weights = adjust_logits(training, start, params.input, store_folder(), read_json(paths.CLASS_WEIGHTS))
        network.load_state_dict(weights)
        chosen = chosen | validated()
    stop_where_changed(params_taken())  # as long as the checkpoint is still there
    if fabric.is_global_zero:
        with replacing(paths.MODEL) as model_file, replacing(paths.EARLY) as early_file:
            save_weights(model_file, weights)
            save_weights(early_file, training.early.tensors())
        write(chosen)
        seconds = time.perf_counter() - began
        speed = len(files) * train.epochs / seconds
        write_json(paths.TRAIN_TIMES, {"seconds": round(seconds, 1), "images_per_second": round(speed, 2)})
    checkpoints.remove()


def load_training_frames(params: Params, files: list[FrameFiles], num_classes: int) -> Frames | Crops:
    """The frames at the input size or, for `augment: strong`, crops of the whole ones."""
    if params.augment != "strong":
        return load_frames(files, params.input, training=True, store=store_folder())
    counts = count_pixels_of_files((file.label for file in files), num_classes)  # (N, K)
    return Crops(load_whole_frames(files, store_folder()), counts, params.input, params.augmentation.strong)


def chosen_loss(params: Params, num_classes: int, shared: bool) -> Loss:
    """The loss that `loss` names; where `shared`, of batches that the processes share."""
    class_weights = [row["weight"] for row in read_json(paths.CLASS_WEIGHTS)]
    mask_ignored = params.dice.ignored == "left_out"
    return build_loss(params.loss, num_classes, class_weights, mask_ignored, params.lovasz.every, shared)


def build_optimizer(train: Train, network: nn.Module) -> Optimizer:
    """The optimiser that `train.optimizer` names; `decay: weights` spares biases and norms, of one dimension each."""
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in network.parameters():
        has_decay = train.decay == "all" or parameter.ndim > 1
        groups.setdefault(train.weight_decay if has_decay else 0.0, []).append(parameter)
    parameters = [{"params": group, "weight_decay": decay} for decay, group in groups.items()]
    if train.optimizer == "sgd":  # the fused one can't take in parameters that have had no step when others have
        return SGD(parameters, train.lr, momentum=0.9, fused=not train.freeze.isdecimal())
    return {"adam": Adam, "adamw": AdamW}[train.optimizer](parameters, train.lr, fused=True)


def run_epochs(
    training: Training,
    batches_of: Callable[[int, int], Iterable[Batch]],
    validated: Callable[[], Validation],
    save: Callable[[], None],
    show: Callable[[], None],
) -> None:
    """Train and validate until all epochs are done, and keep the weights of the chosen epoch and of the early ones.

    `batches_of` gives the batches of an epoch by its number, from a batch on. `save` is called after each epoch, and
    where a signal stops the training between two batches. Of 0 epochs the row is number 0, without a loss.
    """
    train, network = training.train, training.network
    if train.epochs == 0:
        training.best.offer(0, None, network)
        training.early.add(network.state_dict())
        training.history.append({"epoch": 0, "lr": 0.0, "loss": None} | validated())
        show()
    while training.epoch <= train.epochs:
        try:
            row = train_epoch(training, training.remaining(batches_of))
        except Stopped:
            save()
            raise
        with training.averaged.in_network():
            row |= validated()
            training.best.offer(training.epoch, row["miou"] if train.select in ("val", "test") else None, network)
            if is_early(training.epoch, train.epochs):
                training.early.add(network.state_dict())
        training.schedule.after_epoch(row["miou"])
        training.next_epoch(row)
        save()
        show()


def train_epoch(training: Training, batches: Iterable[Batch]) -> Row:
    """Take one step per batch, and return the epoch's number, its first learning rate and its mean loss.

    A batch counts by its share of a full one, in its step and in the mean, or with `short_batch: as_full` as one.
    Raises UserError, which names the batch's frames, where the loss is infinite or not a number.
    """
    train, fabric, optimizer, schedule = training.train, training.fabric, training.optimizer, training.schedule
    sums = training.sums
    sums.lr = schedule.lr if sums.lr is None else sums.lr
    training.model.train()
    for module in training.frozen.in_epoch(training.epoch):
        module.eval()
    for batch in batches:
        weight = batch.num_frames / train.batch_size if train.short_batch == "by_frames" else 1.0
        loss = loss_of_batch(training, batch)
        optimizer.zero_grad()
        fabric.backward(weight * loss)
        if train.clip:  # the norm of the whole gradient (Pascanu et al., ICML 2013)
            # a gradient that is no number shows in the loss, or the scaler of float16 leaves the step out
            fabric.clip_gradients(training.model, optimizer, max_norm=train.clip, error_if_nonfinite=False)
        lr = schedule.lr
        optimizer.step()
        schedule.after_step()
        training.averaged.after_step()
        value = loss.item()  # waits for the device, so it comes after all that can be queued on it
        if not math.isfinite(value):
            raise UserError(
                f"the training loss became {value} at a learning rate of {lr:.3g}, in a batch of "
                f"{', '.join(training.files[index].image.name for index in batch.indices)}; lower train.lr, set "
                "train.clip, choose another loss, or look at these frames"
            )
        sums.batches += 1
        sums.loss += weight * value
        sums.weight += weight
    return {"epoch": training.epoch, "lr": sums.lr, "loss": sums.loss / sums.weight}


def loss_of_batch(training: Training, batch: Batch) -> Tensor:
    """The loss of a batch; what else the forward pass made is freed when this returns."""
    device = training.fabric.device
    logits, labels = training.model(normalize(batch.images.to(device))), batch.labels.to(device)
    return training.loss_of(upsample_like(logits, labels), labels)


if __name__ == "__main__":
    run_stage(main)
