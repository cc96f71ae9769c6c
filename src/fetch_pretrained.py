"""Check that the stages can work with the chosen model, and fetch the weights that it starts from.

    python src/fetch_pretrained.py     DVC stage `fetch_pretrained`: `pretrained` -> models/pretrained.safetensors

The files hold tensors under the model's keys; none at all for `none`.
"""

from collections.abc import Mapping

from torch import Tensor

from roadseg.data.download import shown_url
from roadseg.experiments.former_runs import former_run
from roadseg.frames.classes import read_classes
from roadseg.networks.catalogue import build_model, check_network
from roadseg.networks.fitting import Fit, fit_weights, rows_that_fit, start_tensors
from roadseg.networks.sources import fetch, resolve, smp_encoder
from roadseg.networks.tta import passes_of
from roadseg.networks.weights import Weights, is_average, read_tensors, save_weights
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
    num_classes = len(read_classes(paths.SEG_DATA))
    model = build_model(params.model, params.network, num_classes)
    for size, decided_by in sizes_seen(params).items():
        check_network(params.model, model, num_classes, *size, decided_by)  # before hours of training
    if params.pretrained == "none":
        print(f"{params.model} starts from random weights")
        return {}
    source = resolve(params.pretrained, params.network.pretrained)
    weights, shown = weights_of(source, params.network.encoder), shown_url(source.source)
    fit = fit_weights(weights.tensors, model, num_classes)
    count = f"{len(fit.matched)} of {len(fit.matched) + fit.missing} tensors match"
    if fit.part == "nothing":
        raise UserError(
            f"{shown}: weights of another network than {params.model} ({count}, {fit.unused} of the file's do not); "
            f"{rows_of(weights, params.models, num_classes)}; choose the model or the weights to match"
        )
    rows = rows_of(weights, params.models, num_classes) if fit.other_decoder else ""
    try:
        tensors = start_tensors(fit, model)
    except UserError as error:
        raise UserError(f"{shown}: {error}") from None
    print(f"{params.model} starts from {shown}: {count}{left_out(fit, rows)}{taken(weights, fit)}")
    return tensors


def sizes_seen(params: Params) -> dict[tuple[int, int], str]:
    """Each (height, width) in pixels at which the network will run, with the parameters that decide it."""
    target = params.input
    sizes = {(target.height, target.width): "input.height and input.width"}
    if params.augment == "strong":
        sizes.setdefault(
            crop_size(params.augmentation.strong, target), "augmentation.strong.crop_height and crop_width"
        )
    for one in passes_of(params.predict.passes, target.height, target.width):
        sizes.setdefault(one.window, "predict.passes")
    return sizes


def weights_of(source: Source, encoder: str | None) -> Weights:
    """The tensors behind a source, which may be a former run."""
    if source.source.startswith("smp:"):
        return Weights(smp_encoder(source, encoder))
    if run := former_run(source.source):
        source = Source(source=f"file:{run.weights}", sha256=source.sha256)
    return fetch(source, store_folder(), read_tensors)


def rows_of(weights: Weights, catalogue: Mapping[str, Network], num_classes: int) -> str:
    """Say which rows of the catalogue the weights fit."""
    rows = rows_that_fit(weights.tensors, catalogue, num_classes)
    if rows["network"]:
        return f"they fit {', '.join(rows['network'])}"
    return f"their encoder fits {', '.join(rows['encoder'])}" if rows["encoder"] else "they fit no row of `models`"


def left_out(fit: Fit, rows: str) -> str:
    """Say what starts at random although the file has something for it, or what of the file is not used."""
    if fit.other_decoder:
        return f"; the encoder alone: the file's decoder and head ({fit.other_decoder} tensors) do not fit, {rows}"
    text = "; the encoder alone" if fit.part == "encoder" else ""
    text += f"; a head of another number of classes is dropped ({len(fit.head)} tensors)" if fit.head else ""
    verb = "tensor of the file is" if fit.unused == 1 else "tensors of the file are"
    return text + (f"; {fit.unused} {verb} not used" if fit.unused else "")


def taken(weights: Weights, fit: Fit) -> str:
    """Say which weights of a file were taken where it holds several, or only an average."""
    choices = (
        ("file's", weights.entry, "its", weights.others),
        ("tensors under", fit.prefix, "those under", fit.other_prefixes),
    )
    return "".join(
        f"; taken: the {what} {name!r}" + (f", not {of_others} {', '.join(map(repr, others))}" if others else "")
        for what, name, of_others, others in choices
        if others or is_average(name)
    )


if __name__ == "__main__":
    run_stage(main)
