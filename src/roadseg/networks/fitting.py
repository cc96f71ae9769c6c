"""Which tensors of a file a network can start from, whatever names and prefix their keys carry."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from roadseg.networks.catalogue import build_model
from roadseg.networks.dialects import efficientvit_in_our_names, segformer_in_smp_names
from roadseg.networks.weights import is_average
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import Network

Part = Literal["network", "encoder", "nothing"]

_ENCODER = "encoder."
_AGREE = 0.9  # of a part's tensors, for it to fit
_DIALECTS = (segformer_in_smp_names, efficientvit_in_our_names)
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Fit:
    """What the tensors of a file, of any shapes and dtypes, are to a network.

    `part` is what they fit: the whole network (with or without its head), the encoder alone, or nothing. `matched`
    holds the tensors to load under the network's keys (for nothing: those that agree by chance), `own` all that belong
    to the network's modules; `head` the keys left out for another number of classes. `missing` counts the network's
    tensors that are not matched, `unused` the file's, `other_decoder` those among the unused that belong to a decoder
    or head which does not fit. The tensors were under `prefix`; under the `other_prefixes` the file has others of
    this network.
    """

    part: Part
    matched: dict[str, Tensor]
    own: dict[str, Tensor]
    head: tuple[str, ...]
    missing: int
    unused: int
    other_decoder: int
    prefix: str
    other_prefixes: tuple[str, ...]


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
        ((names, _match_keys(names, wanted)) for names in (tensors, *(rename(tensors) for rename in _DIALECTS))),
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
        other_decoder=sum(not _in_encoder(key) for key in own) if part == "encoder" else 0,
        prefix=match.prefix,
        other_prefixes=match.other_prefixes,
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


def start_tensors(fit: Fit, model: nn.Module) -> dict[str, Tensor]:
    """Return the matched tensors in the dtypes that the network has.

    Raises UserError where some are sparse, or hold no values, or hold integers, truth values, complex numbers or
    eight-bit floats and the network has floats; or where a tensor of the network's modules holds NaN or infinity.
    """
    wanted = model.state_dict()
    for key, value in fit.own.items():
        if value.is_meta or value.layout != torch.strided:
            what = "no values (device meta)" if value.is_meta else f"a sparse tensor ({value.layout})"
            raise UserError(f"{key} holds {what}; save the dense weights, once loaded")
    for key, value in fit.matched.items():
        counter = not wanted[key].is_floating_point()
        if value.dtype not in _FLOATS and not (counter and not value.is_complex()):
            raise UserError(
                f"{key} holds {str(value.dtype).removeprefix('torch.')}, where the network has floats; "
                "save its weights as float32, float16 or bfloat16"
            )
    tensors = {key: value.to(wanted[key].dtype) for key, value in fit.matched.items()}
    for key, value in (fit.own | tensors).items():
        if value.dtype in _FLOATS and (count := value.numel() - int(value.isfinite().sum())):
            raise UserError(
                f"{key} holds {count} of {value.numel()} values that are NaN or infinite; "
                "take a checkpoint from before that, or get the file again"
            )
    return tensors


# --- which part of the network fits


def _in_encoder(key: str) -> bool:
    return key.startswith(_ENCODER)


def _own_tensors(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what of a file is in the network, or would be if it were larger."""
    root = _encoder_root(wanted)
    modules = {_module(key, root) for key in wanted}
    return {key: value for key, value in given.items() if _module(key, root) in modules}


def _module(key: str, root: str) -> str:
    """Return the part of the network that a key is of: a stage of its encoder, or all of its decoder or head."""
    if not _in_encoder(key):
        return re.sub(r"\d+", "#", key.split(".")[0])
    if not key.startswith(root):
        return key
    if root.startswith(f"{_ENCODER}model."):  # of timm, which leaves out the stages after the last that is asked for
        return root + re.split(r"(?<=\d)(?!\d)", key[len(root) :].replace("_", "."), maxsplit=1)[0]
    return root + re.sub(r"\d+", "#", key[len(root) :].split(".")[0])  # more stages make it a larger network


def _fitting_part(wanted: set[str], given: set[str], same: frozenset[str]) -> Part:
    keys = {key for key in wanted | given if not key.endswith("num_batches_tracked")}
    encoder = {key for key in keys if _in_encoder(key)}
    agrees = [len(part & same) >= _AGREE * len(part) for part in (encoder, keys - encoder)]
    if all(agrees):
        return "network"
    return "encoder" if encoder and agrees[0] else "nothing"


# --- which of a file's keys stands for which of the network's

# what torch puts into keys, at any place, for a module that it compiled, sharded or checkpoints
_INSERTED = re.compile(r"(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_COMPARABLE = 0.5  # of the tensors under the best prefix: another one that could have been taken


@dataclass(frozen=True)
class _Match:
    """The tensors of a file under a network's keys, where they agree with it in key and shape, and those keys."""

    tensors: dict[str, Tensor]
    same: frozenset[str]
    prefix: str
    other_prefixes: tuple[str, ...]


def _match_keys(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> _Match:
    """Match the tensors of a file with those of a network by the ends of their keys.

    The prefix to strip, and whether the encoder's is to be added, are those with which most tensors agree in key and
    shape. Trained weights come before averaged ones. A dot is as good as an underscore: timm's networks have
    `stages.0`, the part of them that gives features `stages_0`.
    """
    given = {_INSERTED.sub("", key): value for key, value in tensors.items()}
    names = {_dotted(key): key for key in wanted}
    additions = ("", *_prefixes(_encoder_root(wanted)))
    counts = Counter(
        (strip, added)
        for key, value in given.items()
        for strip in ("", *_prefixes(key))
        for added in additions
        if (name := names.get(_dotted(added + key[len(strip) :]))) and wanted[name].shape == value.shape
    )
    ranked = sorted(counts, key=lambda pair: (is_average(pair[0]), -counts[pair]))
    most = max(counts.values(), default=0)
    large = [pair for pair in ranked if counts[pair] >= _COMPARABLE * most]
    strip, added = large[0] if large else ("", "")
    below = {added + key[len(strip) :]: value for key, value in given.items() if key.startswith(strip)}
    renamed = {names.get(_dotted(key), key): value for key, value in below.items()}
    same = frozenset(key for key, value in renamed.items() if key in wanted and wanted[key].shape == value.shape)
    others = (other for other, addition in large if addition == added)
    apart = (other for other in others if not other.startswith(strip) and not strip.startswith(other))
    return _Match(renamed, same, strip, tuple(apart))


def _encoder_root(keys: Mapping[str, Tensor]) -> str:
    """Return what all keys of a network's encoder begin with, up to a dot."""
    encoder = [key for key in keys if _in_encoder(key)]
    common = (root for root in _prefixes(encoder[0]) if all(key.startswith(root) for key in encoder)) if encoder else ()
    return max(common, key=len, default="")


def _prefixes(key: str) -> Iterator[str]:
    return (key[: dot.end()] for dot in re.finditer(r"\.", key))


def _dotted(key: str) -> str:
    return key.replace("_", ".")
