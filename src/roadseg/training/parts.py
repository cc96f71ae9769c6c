"""What a training consists of: network, loss, optimiser, what pulls at the network and what watches it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn

from roadseg.frames.classes import read_classes
from roadseg.networks.catalogue import build_model
from roadseg.networks.model_file import load_weights
from roadseg.networks.suitability import check_smallest_batch
from roadseg.pipeline import paths
from roadseg.pipeline.params import Params
from roadseg.pipeline.stage import read_json
from roadseg.training.auxiliary import with_auxiliary
from roadseg.training.averaging import Kept, copy_of
from roadseg.training.data import Data
from roadseg.training.epoch import build_optimizer, train_epoch
from roadseg.training.groups import parameter_groups
from roadseg.training.loss_choice import choose_loss
from roadseg.training.losses import Loss
from roadseg.training.preparation import prepare_network
from roadseg.training.processes import gather_over_processes, sum_over_processes
from roadseg.training.pulls import Pull, build_pull
from roadseg.training.rare_classes import bias_of_logits
from roadseg.training.schedules import build_schedule
from roadseg.training.start import check_pretrained, given_tensors, random_tensors
from roadseg.training.state import TrainingState
from roadseg.training.teacher import teacher_pull
from roadseg.training.watching import Watched, watch


def starting_network(params: Params, fabric: Fabric, data: Data, start: Mapping[str, Tensor]) -> nn.Module:
    """Return the chosen network with the weights to start from, on the devices.

    `start` are any of its tensors, of any shape and dtype. Raises UserError where they, or the batches, can't serve it.
    """
    network = build_model(params.model, params.network, _num_classes())
    check_pretrained(network, start, params.train.members, params.train.keep_logits, params.train.epochs)
    if params.train.logit_adjustment:
        bias_of_logits(network, _num_classes())
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
    """Return what a training consists of when it begins: the model on its devices, the state, what trains an epoch.

    `start` names the weights that the network was given. `initial` are all that it begins with, of any shape and
    dtype; where that is empty, it is filled. `names` are those of the frames.
    Raises UserError where the network has no part that a parameter asks for.
    """
    trained, loss, groups = _trained_parts(params, network)
    optimizer = build_optimizer(params.train.optimizer, groups, params.train.lr, params.train.weight_decay)
    row = params.schedule_row
    schedule = build_schedule(row, optimizer, max(params.train.epochs, 1), batches_per_epoch)
    model, optimizer = fabric.setup(trained, optimizer)  # all processes now have the same weights
    if not initial:
        initial.update(copy_of(network))
        _tell_of_random(fabric, params.train.weight_interpolation, random_tensors(initial, start))
    network.load_state_dict(initial)  # and so have all members, where they are not pretrained, too
    given = given_tensors(network, start)
    kept = Kept(network, params.train.ema, given, params.train.weight_interpolation)
    taught = [_teacher_of(params, fabric)] if params.distill.teacher != "none" else []
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


def _tell_of_random(fabric: Fabric, weight_interpolation: float, random: Sequence[str]) -> None:
    if weight_interpolation and random:
        fabric.print(
            f"train.weight_interpolation: {weight_interpolation:g} mixes in weights that what starts at random is not trained with "
            f"(tensors: {len(random)}, first {random[0]}); compare with 0",
            flush=True,
        )


def _teacher_of(params: Params, fabric: Fabric) -> Pull:
    """What pulls the network towards its teacher."""
    teacher = build_model(params.distill.model, params.models[params.distill.model], _num_classes())
    teacher.load_state_dict(load_weights(paths.TEACHER), strict=False)  # counters of batches may be missing
    return teacher_pull(fabric, teacher, params.distill.weight, params.distill.labels, params.distill.confidence)


def _trained_parts(params: Params, network: nn.Module) -> tuple[nn.Module, Loss, list[dict[str, Any]]]:
    """The network, with a second head where one is asked for, its loss, and the optimiser's groups of its weights."""
    lr, weight_decay, head_lr = params.train.lr, params.train.weight_decay, params.train.head_lr
    groups = parameter_groups(network, lr, weight_decay, head_lr, params.train.layer_decay, params.train.decay)
    loss = _chosen_loss(params, sum_over_processes, gather_over_processes)
    if not params.train.aux:
        return network, loss, groups
    both, loss = with_auxiliary(network, params.train.aux, loss, sum_over_processes, _num_classes())
    of_head = parameter_groups(both.head, lr * head_lr, weight_decay, decayed=params.train.decay)
    return both, loss, [*groups, *(group | {"lr_scale": head_lr} for group in of_head)]


def _chosen_loss(
    params: Params, sum_over_processes: Callable[[Tensor], Tensor], gather: Callable[[Tensor], Tensor]
) -> Loss:
    return choose_loss(
        params.loss,
        class_weights=_stored_class_weights(),
        mask_ignored=params.dice.ignored == "left_out",
        label_smoothing=params.label_smoothing,
        every=params.lovasz.every,
        threshold=params.ohem.threshold,
        min_share=params.ohem.min_share,
        gamma=params.focal.gamma,
        sum_over_processes=sum_over_processes,
        gather=gather,
        num_classes=_num_classes(),
    )


def watcher(params: Params, fabric: Fabric, data: Data) -> Callable[[nn.Module], Watched]:
    """Return what says how much a model is worth on the watched frames.

    The loss is that of training, without what pulls at the network. Raises UserError for a loss that is unknown.
    """
    loss = _chosen_loss(params, lambda sums: sums, lambda rows: rows)  # each process has whole batches
    frames, files, batch_size, classes = data.watched, data.watched_files, params.train.batch_size, _num_classes()
    return lambda model: watch(fabric, model, frames, files, batch_size, loss, classes)


def _num_classes() -> int:
    return len(read_classes(paths.SEG_DATA))


def _stored_class_weights() -> list[float]:
    return [row["weight"] for row in read_json(paths.CLASS_WEIGHTS)]
