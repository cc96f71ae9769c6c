"""What a training consists of: network, loss, optimiser, and what watches it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from lightning_fabric import Fabric
from torch import Tensor, nn

from roadseg.frames.classes import IGNORE_INDEX, read_classes
from roadseg.networks.catalogue import build_model, check_smallest_batch
from roadseg.pipeline import paths
from roadseg.pipeline.params import Params
from roadseg.pipeline.stage import read_json
from roadseg.training.averaging import Kept
from roadseg.training.data import Data
from roadseg.training.epoch import build_optimizer, parameter_groups, train_epoch
from roadseg.training.losses import Loss, build_loss
from roadseg.training.lovasz import ce_lovasz
from roadseg.training.preparation import prepare_network
from roadseg.training.processes import gather_over_processes, sum_over_processes
from roadseg.training.rare_classes import bias_of_logits
from roadseg.training.schedules import build_schedule
from roadseg.training.start import check_untrained, given_tensors, random_tensors
from roadseg.training.state import TrainingState
from roadseg.training.watching import Watched, watch


def starting_network(params: Params, fabric: Fabric, data: Data, start: Mapping[str, Tensor]) -> nn.Module:
    """Return the chosen network with the weights to start from, on the devices.

    `start` are any of its tensors, of any shape and dtype. Raises UserError where they, or the batches, can't serve it.
    """
    network = build_model(params.model, params.network, _num_classes())
    if params.train.epochs == 0:
        check_untrained(network, start)
    if params.train.logit_adjustment:
        bias_of_logits(network, _num_classes())
    synced = params.train.batch_norm == "train"
    if synced:  # statistics that stay don't mind a single frame
        smallest = len(data.files) % params.train.batch_size or params.train.batch_size
        check_smallest_batch(params.model, network, smallest, *data.frames.size)
    return prepare_network(network, start, fabric, params.train.compile, synced)


def learning(
    params: Params,
    fabric: Fabric,
    names: Sequence[str],
    network: nn.Module,
    start: Collection[str],
    batches_per_epoch: int,
) -> tuple[nn.Module, TrainingState, Callable[..., float]]:
    """Return what a training consists of when it begins: the model on its devices, the state, what trains an epoch.

    `start` names the weights that the network was given. `names` are those of the frames.
    Raises UserError where the network has no part that a parameter asks for.
    """
    groups = parameter_groups(network, params.train.weight_decay, params.train.decay)
    optimizer = build_optimizer(params.train.optimizer, groups, params.train.lr, params.train.weight_decay)
    row = params.schedule_row
    schedule = build_schedule(row, optimizer, max(params.train.epochs, 1), batches_per_epoch)
    model, optimizer = fabric.setup(network, optimizer)  # all processes now have the same weights
    _tell_of_random(fabric, params.train.weight_interpolation, random_tensors(network.state_dict(), start))
    given = given_tensors(network, start)
    kept = Kept(network, params.train.ema, given, params.train.weight_interpolation)
    train = partial(
        train_epoch,
        fabric,
        model,
        loss_of=_chosen_loss(params, sum_over_processes, gather_over_processes),
        optimizer=optimizer,
        schedule=schedule,
        full_batch=params.train.batch_size if params.train.short_batch == "by_frames" else None,
        clip=params.train.clip,
        after_step=kept.after_step,
        name_of=names.__getitem__,
    )
    return model, TrainingState(network, optimizer, fabric.strategy.precision, schedule, kept), train


def _tell_of_random(fabric: Fabric, weight_interpolation: float, random: Sequence[str]) -> None:
    if weight_interpolation and random:
        fabric.print(
            f"train.weight_interpolation: {weight_interpolation:g} mixes in weights that what starts at random is "
            f"not trained with (tensors: {len(random)}, first {random[0]}); compare with 0",
            flush=True,
        )


def _chosen_loss(
    params: Params, sum_over_processes: Callable[[Tensor], Tensor], gather: Callable[[Tensor], Tensor]
) -> Loss:
    if params.loss == "ce_lovasz":
        return lambda logits, targets: ce_lovasz(
            logits, targets, IGNORE_INDEX, params.lovasz.every, sum_over_processes, gather
        )
    return build_loss(
        params.loss,
        _num_classes(),
        class_weights=_stored_class_weights(),
        mask_ignored=params.dice.ignored == "left_out",
        sum_over_processes=sum_over_processes,
    )


def watcher(params: Params, fabric: Fabric, data: Data) -> Callable[[nn.Module], Watched]:
    """Return what says how much a model is worth on the watched frames.

    The loss is that of training. Raises UserError for a loss that is unknown.
    """
    loss = _chosen_loss(params, lambda sums: sums, lambda rows: rows)  # each process has whole batches
    frames, files, batch_size, classes = data.watched, data.watched_files, params.train.batch_size, _num_classes()
    return lambda model: watch(fabric, model, frames, files, batch_size, loss, classes)


def _num_classes() -> int:
    return len(read_classes(paths.SEG_DATA))


def _stored_class_weights() -> list[float]:
    return [row["weight"] for row in read_json(paths.CLASS_WEIGHTS)]
