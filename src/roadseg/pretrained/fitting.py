"""How well the tensors of a file fit a network, whatever prefix their keys carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from roadseg.errors import UserError
from roadseg.networks.catalogue import build_model
from roadseg.specs import Network

Part = Literal["network", "encoder", "nothing"]

_STRIP, _ADD = ("", "module.", "model.", "module.model."), ("", "encoder.")
_CLASSIFIERS = ("classifier", "fc", "_fc", "head", "last_linear")  # of an encoder trained to classify whole images
_AGREE = 0.9


@dataclass(frozen=True)
class Fit:
    """What the tensors of a file are to a network.

    `part` is what they fit: the whole network (with or without its head), the encoder alone, or nothing. `matched`
    holds the tensors to load, under the network's keys and in its dtype (for nothing: those that agree by chance);
    `head` the keys left out for another number of classes; `missing` counts the network's tensors that are not matched,
    `unused` the file's, `misfits` those among the unused that belong to a decoder or head which does not fit.
    """

    part: Part
    matched: dict[str, Tensor]
    head: tuple[str, ...]
    missing: int
    unused: int
    misfits: int


def fit_weights(tensors: Mapping[str, Tensor], model: nn.Module, num_classes: int) -> Fit:
    """Fit the tensors of a file, of any shapes and dtypes, to a network, whatever prefix their keys carry.

    The keys may also be an encoder's own.

    A part fits where 90 % of the tensors that the network or the file has there agree in name and shape: so neither a
    smaller network nor a larger one passes for this one. Batch counters and an encoder's classifier don't count, and
    nor does the head: all outside the encoder that is as wide as there are classes.
    """
    wanted = model.state_dict()
    renamed = (_renamed(tensors, strip, add) for strip in _STRIP for add in _ADD)
    given = max(renamed, key=lambda candidate: len(_agreeing(candidate, wanted)))
    same = _agreeing(given, wanted)
    head = {key for key, value in wanted.items() if not _in_encoder(key) and num_classes in value.shape}
    part = _fitting_part(wanted.keys() - head, given.keys() - head, same)
    used = {key for key in same if part != "encoder" or _in_encoder(key)}
    dropped = [key for key in wanted if key in head & given.keys() - same] if part == "network" else []
    return Fit(
        part=part,
        matched={key: given[key].to(wanted[key].dtype) for key in wanted if key in used},
        head=tuple(dropped),
        missing=len(wanted) - len(used),
        unused=len(given) - len(used) - len(dropped),
        misfits=sum(not _in_encoder(key) for key in given) if part == "encoder" else 0,
    )


def rows_that_fit(
    tensors: Mapping[str, Tensor], catalogue: Mapping[str, Network], num_classes: int
) -> dict[Part, list[str]]:
    """Sort the rows of a catalogue of networks by the part of them that the tensors, of any shapes and dtypes, fit."""
    rows: dict[Part, list[str]] = {"network": [], "encoder": [], "nothing": []}
    for name, spec in catalogue.items():
        try:
            model = build_model(name, spec, num_classes)
        except UserError:  # an error in another row does not matter here
            continue
        rows[fit_weights(tensors, model, num_classes).part].append(name)
    return rows


def _in_encoder(key: str) -> bool:
    return key.startswith("encoder.")


def _renamed(tensors: Mapping[str, Tensor], strip: str, add: str) -> dict[str, Tensor]:
    return {add + key.removeprefix(strip): value for key, value in tensors.items()}


def _agreeing(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> set[str]:
    return {key for key, value in wanted.items() if key in given and given[key].shape == value.shape}


def _fitting_part(wanted: set[str], given: set[str], same: set[str]) -> Part:
    extra = {key for key in given - wanted if _in_encoder(key) and key.split(".")[1] in _CLASSIFIERS}
    keys = {key for key in (wanted | given) - extra if not key.endswith("num_batches_tracked")}
    encoder = {key for key in keys if _in_encoder(key)}
    agrees = [len(part & same) >= _AGREE * len(part) for part in (encoder, keys - encoder)]
    if all(agrees):
        return "network"
    return "encoder" if encoder and agrees[0] else "nothing"
