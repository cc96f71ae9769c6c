"""How well the tensors of a file fit a network, whatever names and prefix their keys carry."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from roadseg.networks.catalogue import build_model
from roadseg.networks.dialects import efficientvit_in_our_names, segformer_in_smp_names
from roadseg.networks.keys import ENCODER, encoder_root, match_keys
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Network

Part = Literal["network", "encoder", "nothing"]

_AGREE = 0.9
_DIALECTS = (segformer_in_smp_names, efficientvit_in_our_names)


@dataclass(frozen=True)
class Fit:
    """What the tensors of a file, of any shapes and dtypes, are to a network.

    `part` is what they fit: the whole network (with or without its head), the encoder alone, or nothing. `matched`
    holds the tensors to load under the network's keys (for nothing: those that agree by chance), `own` all that are of
    the network's modules; `head` the keys left out for another number of classes; `missing` counts the network's
    tensors that are not matched, `unused` the file's, `misfits` those among the unused that belong to a decoder or head
    which does not fit. They were under the prefix `strip`; under the `rivals` others of this network are.
    """

    part: Part
    matched: dict[str, Tensor]
    own: dict[str, Tensor]
    head: tuple[str, ...]
    missing: int
    unused: int
    misfits: int
    strip: str
    rivals: tuple[str, ...]


def fit_weights(tensors: Mapping[str, Tensor], model: nn.Module, num_classes: int) -> Fit:
    """Fit the tensors of a file, of any shapes and dtypes, to a network, whatever prefix their keys carry.

    The keys may also be an encoder's own, or a SegFormer's or EfficientViT's as others name them.

    A part fits where 90 % of the tensors that the network or the file has there agree in name and shape: so neither a
    smaller network nor a larger one passes for this one. Of what the file has more, only tensors of the network's own
    modules count, not a classifier of the encoder, a normalisation of the input or the weights of a loss. Batch
    counters don't count, and nor does the head: all outside the encoder that is as wide as there are classes.
    """
    wanted = model.state_dict()
    given, match = max(
        ((names, match_keys(names, wanted)) for names in (tensors, *(rename(tensors) for rename in _DIALECTS))),
        key=lambda pair: len(pair[1].same),
    )
    head = {key for key, value in wanted.items() if not _in_encoder(key) and num_classes in value.shape}
    own = _own_tensors(match.tensors, wanted)
    part = _fitting_part(wanted.keys() - head, own.keys() - head, match.same)
    used = [key for key in wanted if key in match.same and (part != "encoder" or _in_encoder(key))]
    dropped = [key for key in wanted if key in head & own.keys() - match.same] if part == "network" else []
    return Fit(
        part=part,
        matched={key: own[key] for key in used},
        own=own,
        head=tuple(dropped),
        missing=len(wanted) - len(used),
        unused=len(given) - len(used) - len(dropped),
        misfits=sum(not _in_encoder(key) for key in own) if part == "encoder" else 0,
        strip=match.strip,
        rivals=match.rivals,
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
    return key.startswith(ENCODER)


def _own_tensors(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what of a file is in the network, or would be if it were larger."""
    root = encoder_root(wanted)
    modules = {_module(key, root) for key in wanted}
    return {key: value for key, value in given.items() if _module(key, root) in modules}


def _module(key: str, root: str) -> str:
    """Return the part of the network that a key is of: a stage of its encoder, or all of its decoder or head."""
    if not _in_encoder(key):
        return re.sub(r"\d+", "#", key.split(".")[0])
    if not key.startswith(root):
        return key
    if root.startswith(f"{ENCODER}model."):  # of timm, which leaves out the stages after the last that is asked for
        return root + re.split(r"(?<=\d)(?!\d)", key[len(root) :].replace("_", "."), maxsplit=1)[0]
    return root + re.sub(r"\d+", "#", key[len(root) :].split(".")[0])  # more stages make it a larger network


def _fitting_part(wanted: set[str], given: set[str], same: frozenset[str]) -> Part:
    keys = {key for key in wanted | given if not key.endswith("num_batches_tracked")}
    encoder = {key for key in keys if _in_encoder(key)}
    agrees = [len(part & same) >= _AGREE * len(part) for part in (encoder, keys - encoder)]
    if all(agrees):
        return "network"
    return "encoder" if encoder and agrees[0] else "nothing"
