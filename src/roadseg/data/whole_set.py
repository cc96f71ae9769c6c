"""What shows only in all frames together: black and white masks, and the same frame in training and in testing."""

from collections.abc import Collection, Sequence

from roadseg.data.copying import Copied
from roadseg.data.fingerprints import near_pictures, same_pictures
from roadseg.frames.classes import NAMES
from roadseg.frames.images import check_no_masks
from roadseg.pipeline.errors import raise_all

_SHOWN = 3  # pairs that a note names


def check_whole_set(frames: Sequence[Copied], where: str, allow_leak: bool, names: Sequence[str] = NAMES) -> list[str]:
    """Return a line for each thing that a user should know of the frames as a whole.

    A frame's part is `training`, `testing` or `held_out`, of those that choose the epoch.
    Raises UserError where all training labels are masks, and, unless `allow_leak`, where a picture for training is also
    there for testing, pixel for pixel.
    """
    training = [frame for frame in frames if frame.part == "training"]
    testing = [frame for frame in frames if frame.part == "testing"]
    held_out = [frame for frame in frames if frame.part == "held_out"]
    values = frozenset[int]().union(*(frame.values for frame in training))
    check_no_masks(values, f"{where}/training", names)
    found = _two_values(values, names) + _leaks(training, testing, "for testing", allow_leak)
    return found + _leaks(training, held_out, "held out", allow_leak=True)


def _two_values(values: Collection[int], names: Sequence[str]) -> list[str]:
    if set(values) != {0, 1} or len(names) == 2:
        return []
    return [f"all training labels hold 0 and 1 alone: to this project 0 is {names[0]} and 1 is {names[1]}"]


def _leaks(training: Sequence[Copied], testing: Sequence[Copied], use: str, allow_leak: bool) -> list[str]:
    prints = [frame.fingerprint for frame in testing], [frame.fingerprint for frame in training]
    same = same_pictures(*prints)
    if not allow_leak:
        raise_all(
            [
                f"{testing[i].image} is the same picture as {training[k].image}; a frame that is trained on can't be "
                "tested on: remove one of them, or set data.allow_leak to true"
                for i, k in same
            ]
        )
    seen = {i for i, _ in same}
    near = [(i, k) for i, k in near_pictures(*prints) if i not in seen]
    return [
        f"{_number(pairs, use)} {what}: "
        + ", ".join(f"{testing[i].image} and {training[k].image}" for i, k in pairs[:_SHOWN])
        + (", ..." if len(pairs) > _SHOWN else "")
        for pairs, what in ((same, "trained on as well"), (near, "nearly the same as one for training"))
        if pairs
    ]


def _number(pairs: Sequence[object], use: str) -> str:
    return f"1 frame {use} is" if len(pairs) == 1 else f"{len(pairs)} frames {use} are"
