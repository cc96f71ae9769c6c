"""Which of a file's keys stands for which of a network's, whatever stands before both."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from roadseg.networks.entries import is_average

ENCODER = "encoder."

# what torch puts into keys, at any place, for a module that it compiled, sharded or checkpoints
_INSERTED = re.compile(r"(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
_RIVAL = 0.5  # of the best match: another set of keys that could have been taken


@dataclass(frozen=True)
class Match:
    """The tensors of a file, of any shapes and dtypes, under a network's keys.

    `tensors` are those under the prefix `strip`, with the network's key where shape and key agree; `same` are the keys
    that do. `rivals` are other prefixes that hold about as many tensors of the network.
    """

    tensors: dict[str, Tensor]
    same: frozenset[str]
    strip: str
    rivals: tuple[str, ...]


def match_keys(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Match:
    """Match the tensors of a file with those of a network, both of any shapes and dtypes, by the ends of their keys.

    The prefix to strip, and whether the encoder's is to be added, are those with which most tensors agree in key and
    shape. Trained weights come before averaged ones. A dot is as good as an underscore: timm's networks have
    `stages.0`, the part of them that gives features `stages_0`.
    """
    given = {_INSERTED.sub("", key): value for key, value in tensors.items()}
    names = {_joined(key): key for key in wanted}
    additions = ("", *_prefixes(encoder_root(wanted)))
    counts = Counter(
        (strip, added)
        for key, value in given.items()
        for strip in ("", *_prefixes(key))
        for added in additions
        if (name := names.get(_joined(added + key[len(strip) :]))) and wanted[name].shape == value.shape
    )
    ranked = sorted(counts, key=lambda pair: (is_average(pair[0]), -counts[pair]))
    most = max(counts.values(), default=0)
    large = [pair for pair in ranked if counts[pair] >= _RIVAL * most]
    strip, added = large[0] if large else ("", "")
    below = {added + key[len(strip) :]: value for key, value in given.items() if key.startswith(strip)}
    renamed = {names.get(_joined(key), key): value for key, value in below.items()}
    same = frozenset(key for key, value in renamed.items() if key in wanted and wanted[key].shape == value.shape)
    rivals = (other for other, addition in large if addition == added)
    apart = (other for other in rivals if not other.startswith(strip) and not strip.startswith(other))
    return Match(renamed, same, strip, tuple(apart))


def encoder_root(keys: Mapping[str, Tensor]) -> str:
    """Return what all keys of a network's encoder begin with, up to a dot; its tensors are of any shapes and dtypes."""
    encoder = [key for key in keys if key.startswith(ENCODER)]
    common = (root for root in _prefixes(encoder[0]) if all(key.startswith(root) for key in encoder)) if encoder else ()
    return max(common, key=len, default="")


def _prefixes(key: str) -> Iterator[str]:
    return (key[: dot.end()] for dot in re.finditer(r"\.", key))


def _joined(key: str) -> str:
    return key.replace("_", ".")
