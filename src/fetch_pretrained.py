"""Fetch the weights that the chosen model starts from, and keep those that fit it.

    python src/fetch_pretrained.py     DVC stage `fetch_pretrained`: `pretrained` -> models/pretrained.safetensors

The file holds tensors under the model's keys; none at all for `pretrained: none`.
"""

from collections.abc import Mapping

from torch import Tensor

from pipeline import paths
from pipeline.machine import store_folder
from pipeline.params import load_params
from pipeline.stage import replacing, run
from roadseg.classes import NUM_CLASSES
from roadseg.errors import UserError
from roadseg.networks.catalogue import build_model
from roadseg.networks.model_file import save_weights
from roadseg.pretrained.checkpoints import fetch, resolve
from roadseg.pretrained.fitting import Fit, fit_weights, rows_that_fit
from roadseg.specs import Network


def main() -> None:
    params = load_params()
    if params.pretrained == "none":
        save({})
        print(f"{params.model} starts from random weights")
        return
    row = params.models[params.model]
    source = resolve(params.pretrained, row.pretrained)
    model = build_model(params.model, row, NUM_CLASSES)  # first: an error in the row costs no download
    tensors = fetch(source, row.encoder, store_folder()).tensors
    fit = fit_weights(tensors, model, NUM_CLASSES)
    count = f"{len(fit.matched)} of {len(fit.matched) + fit.missing} tensors match"
    owners = name_owners(tensors, params.models) if fit.part == "nothing" or fit.misfits else ""
    if fit.part == "nothing":
        raise UserError(
            f"{source}: weights of another network than {params.model} ({count}, {fit.unused} of the file's do not); "
            f"{owners}; choose the model or the weights to match"
        )
    save(fit.matched)
    print(f"{params.model} starts from {source}: {count}{left_out(fit, owners)}")


def save(tensors: dict[str, Tensor]) -> None:
    with replacing(paths.PRETRAINED) as temporary:
        save_weights(temporary, tensors)


def name_owners(tensors: dict[str, Tensor], catalogue: Mapping[str, Network]) -> str:
    """Say which rows of the catalogue the tensors fit."""
    rows = rows_that_fit(tensors, catalogue, NUM_CLASSES)
    if rows["network"]:
        return f"they fit {', '.join(rows['network'])}"
    return f"their encoder fits {', '.join(rows['encoder'])}" if rows["encoder"] else "they fit no row of `models`"


def left_out(fit: Fit, owners: str) -> str:
    """Say what starts at random although the file has something for it, or what of the file is not used."""
    if fit.misfits:
        return f"; the encoder alone: the file's decoder and head ({fit.misfits} tensors) do not fit, {owners}"
    text = "; the encoder alone" if fit.part == "encoder" else ""
    text += f"; a head of another number of classes is dropped ({len(fit.head)} tensors)" if fit.head else ""
    return text + (f"; {fit.unused} tensors of the file are not used" if fit.unused else "")


if __name__ == "__main__":
    run(main)
