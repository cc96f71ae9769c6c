"""Check that the stages can work with the chosen model, and fetch the weights that it starts from.

    python src/fetch_pretrained.py     DVC stage `fetch_pretrained`: `pretrained` -> models/pretrained.safetensors

The files hold tensors under the model's keys; none at all for `none`.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from roadseg.data.download import shown_url
from roadseg.experiments.former_runs import former_run
from roadseg.frames.classes import read_classes
from roadseg.networks.catalogue import build_model
from roadseg.networks.checkpoints import fetch
from roadseg.networks.entries import is_average
from roadseg.networks.fitting import Fit, fit_weights, rows_that_fit
from roadseg.networks.model_file import save_weights
from roadseg.networks.names import resolve
from roadseg.networks.passes import passes_of
from roadseg.networks.suitability import check_network
from roadseg.networks.values import as_network_holds_them, check_finite
from roadseg.networks.weights import Weights
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.machine import store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.sections import Network, Source, crop_size
from roadseg.pipeline.stage import replacing, run_stage


def main() -> None:
    tensors = start(load_params())
    with replacing(paths.PRETRAINED) as temporary:
        save_weights(temporary, tensors)


def start(params: Params) -> dict[str, Tensor]:
    """The weights that the chosen model starts from; UserError where it or they can't serve."""
    row = params.network
    num_classes = len(read_classes(paths.SEG_DATA))
    model = build_model(params.model, row, num_classes)
    for size, decided_by in sizes_seen(params).items():
        check_network(params.model, model, num_classes, *size, decided_by)  # before hours of training
    if params.pretrained == "none":
        print(f"{params.model} starts from random weights")
        return {}
    found = resolve(params.pretrained, row.pretrained)
    source, weights = found.source, weights_of(found, row.encoder)
    fit = fit_weights(weights.tensors, model, num_classes)
    count = f"{len(fit.matched)} of {len(fit.matched) + fit.missing} tensors match"
    owners = name_owners(weights.tensors, params.models, num_classes) if fit.part == "nothing" or fit.misfits else ""
    if fit.part == "nothing":
        raise UserError(
            f"{shown_url(source)}: weights of another network than {params.model} ({count}, {fit.unused} of the file's "
            f"do not); {owners}; choose the model or the weights to match"
        )
    tensors = checked(source, fit, model)
    print(f"{params.model} starts from {shown_url(source)}: {count}{left_out(fit, owners)}{taken(weights, fit)}")
    return tensors


def sizes_seen(params: Params) -> dict[tuple[int, int], str]:
    """Each (height, width) in pixels at which the network will run, with the parameters that decide it."""
    target = params.input
    sizes = {(target.height, target.width): "input.height and input.width"}
    sizes.setdefault(trained_size(params), "augmentation.strong.crop_height and crop_width")
    for one in passes_of(params.predict.passes, target.height, target.width):
        sizes.setdefault(one.window, "predict.passes")
    return sizes


def trained_size(params: Params) -> tuple[int, int]:
    """The (height, width) in pixels of what a batch holds."""
    if params.augment == "strong":
        return crop_size(params.augmentation.strong, params.input)
    return params.input.height, params.input.width


def weights_of(source: Source, encoder: str | None) -> Weights:
    """The tensors behind a source, which may be a former run."""
    run = former_run(source.source)
    return fetch(f"file:{run.weights}" if run else source.source, encoder, store_folder(), source.sha256)


def checked(source: str, fit: Fit, model: nn.Module) -> dict[str, Tensor]:
    """The tensors to start from, as the network holds them, if all of the file's are numbers."""
    try:
        tensors = as_network_holds_them(fit.matched, model.state_dict())
        check_finite(fit.own | tensors)
    except UserError as error:
        raise UserError(f"{shown_url(source)}: {error}") from None
    return tensors


def name_owners(tensors: dict[str, Tensor], catalogue: Mapping[str, Network], num_classes: int) -> str:
    """Say which rows of the catalogue the tensors fit."""
    rows = rows_that_fit(tensors, catalogue, num_classes)
    if rows["network"]:
        return f"they fit {', '.join(rows['network'])}"
    return f"their encoder fits {', '.join(rows['encoder'])}" if rows["encoder"] else "they fit no row of `models`"


def left_out(fit: Fit, owners: str) -> str:
    """Say what starts at random although the file has something for it, or what of the file is not used."""
    if fit.misfits:
        return f"; the encoder alone: the file's decoder and head ({fit.misfits} tensors) do not fit, {owners}"
    text = "; the encoder alone" if fit.part == "encoder" else ""
    text += f"; a head of another number of classes is dropped ({len(fit.head)} tensors)" if fit.head else ""
    verb = "tensor of the file is" if fit.unused == 1 else "tensors of the file are"
    return text + (f"; {fit.unused} {verb} not used" if fit.unused else "")


def taken(weights: Weights, fit: Fit) -> str:
    """Say which weights of a file were taken where it holds several, or only an average."""
    choices = (
        ("file's", weights.entry, "its", weights.others),
        ("tensors under", fit.strip, "those under", fit.rivals),
    )
    return "".join(
        f"; taken: the {what} {name!r}" + (f", not {of_others} {', '.join(map(repr, others))}" if others else "")
        for what, name, of_others, others in choices
        if others or is_average(name)
    )


if __name__ == "__main__":
    run_stage(main)
