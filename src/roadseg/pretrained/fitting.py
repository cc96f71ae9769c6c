"""How well the tensors of a file fit a network, whatever prefix their keys carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from roadseg.errors import UserError
from roadseg.networks.catalogue import build_model

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
    """Fit the tensors of a file to a network, whatever prefix their keys carry, an encoder's own keys included.

    A part fits where 90 % of the tensors that the network or the file has there agree in name and shape: so neither a
    smaller network nor a larger one passes for this one. Batch counters and an encoder's classifier don't count, and
    nor does the head: all outside the encoder that is as wide as there are classes.
    """
    own = model.state_dict()
    renamed = (_renamed(tensors, strip, add) for strip in _STRIP for add in _ADD)
    given = max(renamed, key=lambda candidate: len(_agreeing(candidate, own)))
    same = _agreeing(given, own)
    head = {key for key, value in own.items() if not _in_encoder(key) and num_classes in value.shape}
    part = _fitting_part(own.keys() - head, given.keys() - head, same)
    used = {key for key in same if part != "encoder" or _in_encoder(key)}
    dropped = [key for key in own if key in head & given.keys() - same] if part == "network" else []
    return Fit(
        part=part,
        matched={key: given[key].to(own[key].dtype) for key in own if key in used},
        head=tuple(dropped),
        missing=len(own) - len(used),
        unused=len(given) - len(used) - len(dropped),
        misfits=sum(not _in_encoder(key) for key in given) if part == "encoder" else 0,
    )


class _Outline(TorchFunctionMode):
    """Inside the device "meta": smp reads numbers off a `linspace` while it builds, which must be a real one."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        on_cpu = {"device": "cpu"} if func is torch.linspace else {}
        return func(*args, **(kwargs or {}) | on_cpu)


def build_outline(name: str, spec: Mapping[str, Any], num_classes: int) -> nn.Module:
    """Build a row's network without values, its tensors on the device "meta": quick, and enough to compare with."""
    with torch.device("meta"), _Outline():
        return build_model(name, spec, num_classes)


def rows_that_fit(
    tensors: Mapping[str, Tensor], catalogue: Mapping[str, Mapping[str, Any]], num_classes: int
) -> dict[Part, list[str]]:
    """Sort the rows of a catalogue of networks by the part of them that the tensors fit."""
    rows: dict[Part, list[str]] = {"network": [], "encoder": [], "nothing": []}
    for name, spec in catalogue.items():
        try:
            outline = build_outline(name, spec, num_classes)
        except UserError:  # another row's mistake is no matter here
            continue
        rows[fit_weights(tensors, outline, num_classes).part].append(name)
    return rows


def _in_encoder(key: str) -> bool:
    return key.startswith("encoder.")


def _renamed(tensors: Mapping[str, Tensor], strip: str, add: str) -> dict[str, Tensor]:
    return {add + key.removeprefix(strip): value for key, value in tensors.items()}


def _agreeing(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> set[str]:
    return {key for key, value in own.items() if key in given and given[key].shape == value.shape}


def _fitting_part(own: set[str], given: set[str], same: set[str]) -> Part:
    extra = {key for key in given - own if _in_encoder(key) and key.split(".")[1] in _CLASSIFIERS}
    keys = {key for key in (own | given) - extra if not key.endswith("num_batches_tracked")}
    encoder = {key for key in keys if _in_encoder(key)}
    agrees = [len(part & same) >= _AGREE * len(part) for part in (encoder, keys - encoder)]
    if all(agrees):
        return "network"
    return "encoder" if encoder and agrees[0] else "nothing"
