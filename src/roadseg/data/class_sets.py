"""From a row of `class_sets`, or a file of one's own, to its classes, and to what in a label means which of them."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from roadseg.frames.classes import CITYSCAPES, IGNORE_INDEX, NAMES, ClassSet
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.params import Params
from roadseg.pipeline.schema import read_yaml, validate
from roadseg.pipeline.sections import ClassRow

MOST_CLASSES = 254  # ids 0..253 in 8 bits; 255 is no class, and the study's last bin, which is closed, takes one more

OWN = "own"  # the classes of params.yaml's class_file

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class LabelRule:
    """A set of classes, and what in a label file means which of them.

    `values` gives the id, or 255, of each grey value or index, `colors` the same of each colour; the one that `labels`
    does not need is empty. Where a palette's colours are taken from the files, `unpainted` names the ids without one.
    """

    name: str  # of the row
    classes: ClassSet
    labels: str  # grey | colors | palette
    values: dict[int, int]
    colors: dict[Rgb, int]
    unpainted: tuple[int, ...] = ()


TRAIN_ID_RULE = LabelRule("cityscapes", CITYSCAPES, "grey", {i: i for i in (*range(len(CITYSCAPES)), IGNORE_INDEX)}, {})


def label_rule(name: str, row: ClassRow) -> LabelRule:
    """Return what a row says; UserError, a line for each problem in it."""
    if problems := list(problems_of_row(f"class_sets.{name}", row)):
        raise UserError("\n".join(problems))
    painted = [_colors(text)[0][:1] for text in row.colors]
    colors = default_colors([found[0] if found else None for found in painted])
    meanings, _ = _meanings(row)
    return LabelRule(
        name,
        ClassSet(tuple(row.names), tuple(colors)),
        row.labels,
        values={value: i for value, i in meanings if isinstance(value, int)},
        colors={value: i for value, i in meanings if isinstance(value, tuple)},
        unpainted=tuple(i for i, found in enumerate(painted) if not found),
    )


def read_class_file(path: Path) -> ClassRow:
    """Read a set of classes from a file beside the data; UserError, a line for each problem, where it is none."""
    row, problems = validate(ClassRow, read_yaml(path))
    if row:
        problems = list(problems_of_row("the file", row))
    if row is None or problems:
        raise UserError("\n".join(f"{printable(path)}: {line}" for line in problems))
    return row


def problems_of_classes(params: Params) -> list[str]:
    """Return a line for each broken row of the classes, and where the frames don't have the classes that are chosen."""
    rows = {name: row for name, row in params.class_sets.items() if name != OWN}
    problems = [line for name, row in rows.items() for line in problems_of_row(f"class_sets.{name}", row)]
    row = params.class_sets.get(params.classes)
    if row and params.data.source != "seg_data" and tuple(row.names) != NAMES:
        problems.append(
            f"classes: {params.classes}, but frames of data.source: {params.data.source} have those of Cityscapes; "
            "choose cityscapes, or frames of your own"
        )
    return problems


def problems_of_row(where: str, row: ClassRow) -> Iterator[str]:
    """Yield a line for each reason why a row, of the right form and called `where`, is no set of classes."""
    if len(row.classes) < 2:
        found = "no classes" if not row.classes else f"one class, {row.names[0]}"
        yield f"{where} has {found}; name two or more under its classes"
    if len(row.classes) > MOST_CLASSES:
        yield f"{where} has {len(row.classes)} classes, and 8 bits hold {MOST_CLASSES} beside 255; name fewer"
    twice = [name for name, number in Counter(row.names).items() if number > 1]
    yield from (f"{where}: {name} is among its classes more than once; name each once" for name in twice)
    yield from _problems_of_colors(where, row)
    for unknown in [name for name in row.values if name not in row.names]:
        yield f"{where}.values.{unknown} is not one of its classes; choose from {', '.join(row.names)}"
    meanings, wrong = _meanings(row)
    for key, text in wrong:
        yield f"{where}.{key}: {text!r} is no {_KINDS[row.labels]}; write {_EXAMPLES[row.labels]}"
    yield from _problems_of_meanings(where, [*row.names, "ignore"], meanings)


def _problems_of_colors(where: str, row: ClassRow) -> Iterator[str]:
    owner: dict[Rgb, str] = {}
    for name, text in zip(row.names, row.colors, strict=True):
        found, wrong = _colors(text)
        if wrong or len(found) > 1 or (not found and row.labels == "colors"):
            yield f"{where}.classes.{name}: {text!r} is no colour; write red, green and blue, as in 128 64 128"
        elif found and (other := owner.setdefault(found[0], name)) != name:
            yield f"{where}: {other} and {name} have the same colour, {shown_value(found[0])}; give one another"


def _problems_of_meanings(where: str, names: Sequence[str], meanings: Sequence[tuple[int | Rgb, int]]) -> Iterator[str]:
    """Yield a line for each two that claim the same value, the first such; the last name is that of 255."""
    owner: dict[int | Rgb, int] = {}
    shown = set[tuple[int, int]]()
    for value, class_id in meanings:
        if (other := owner.setdefault(value, class_id)) != class_id and (other, class_id) not in shown:
            shown.add((other, class_id))
            both = " and ".join(names[-1 if i == IGNORE_INDEX else i] for i in (other, class_id))
            yield f"{where}: {shown_value(value)} means both {both}; leave it to one of them"


def default_colors(painted: Sequence[Rgb | None]) -> list[Rgb]:
    """Return the colours of classes in order, each that has none with that of its number.

    Where another class has it, or it is the black of pixels without a label, it is that of the next free number.

    >>> default_colors([None, None, (0, 128, 0), None])
    [(0, 0, 128), (128, 0, 0), (0, 128, 0), (128, 128, 0)]
    """
    taken = {(0, 0, 0), *filter(None, painted)}
    own = [color or (kit_color(i) if kit_color(i) not in taken else None) for i, color in enumerate(painted)]
    free = (color for color in map(kit_color, count(len(own))) if color not in taken.union(filter(None, own)))
    return [color or next(free) for color in own]


def kit_color(number: int) -> Rgb:
    """Return the colour that Pascal VOC's development kit gives a class of this number.

    >>> kit_color(0), kit_color(1), kit_color(20)
    ((0, 0, 0), (128, 0, 0), (0, 64, 128))
    """
    rgb = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            rgb[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return rgb[0], rgb[1], rgb[2]


def shown_value(value: int | Rgb) -> str:
    """Return a value or colour as rows write it."""
    return str(value) if isinstance(value, int) else " ".join(map(str, value))


_KINDS = {"grey": "value", "palette": "value", "colors": "colour"}
_EXAMPLES = {
    **dict.fromkeys(("grey", "palette"), "0 to 255, as in 7, or 0..6, 9"),
    "colors": "red, green and blue, as in 128 64 128, 0 0 192",
}


def _meanings(row: ClassRow) -> tuple[list[tuple[int | Rgb, int]], list[tuple[str, str]]]:
    """Return (value or colour, id) for all that means a class or 255, and (key, text) of what can't be read."""
    read: Callable[[str], tuple[Sequence[int | Rgb], list[str]]]
    if row.labels == "colors":
        read, own = _colors, row.colors
    else:
        read, own = _numbers, [str(i) for i in range(len(row.names))]
    texts = {name: row.values.get(name, text) for name, text in zip(row.names, own, strict=True)}
    meanings: list[tuple[int | Rgb, int]] = []
    problems = []
    keyed = [(f"values.{name}", text, i) for i, (name, text) in enumerate(texts.items())]
    for key, text, class_id in [*keyed, ("ignore", row.ignore, IGNORE_INDEX)]:
        found, wrong = read(text)
        meanings += [(value, class_id) for value in found]
        if key.removeprefix("values.") in row.values or key == "ignore":
            problems += [(key, part) for part in wrong]
    if row.labels != "colors" and not row.ignore and all(value != IGNORE_INDEX for value, _ in meanings):
        meanings.append((IGNORE_INDEX, IGNORE_INDEX))
    return meanings, problems


def _colors(text: str) -> tuple[list[Rgb], list[str]]:
    """Read colours split by commas; also return the parts that are none."""
    found, wrong = [], []
    for part in filter(None, map(str.strip, text.split(","))):
        numbers = [int(word) for word in part.split() if re.fullmatch(r"\d{1,3}", word)]
        if len(numbers) == len(part.split()) == 3 and max(numbers) <= 255:
            found.append((numbers[0], numbers[1], numbers[2]))
        else:
            wrong.append(printable(part))
    return found, wrong


def _numbers(text: str) -> tuple[list[int], list[str]]:
    """Read values and ranges split by commas; also return the parts that are none."""
    found: list[int] = []
    wrong = []
    for part in filter(None, map(str.strip, text.split(","))):
        ends = re.fullmatch(r"(\d{1,3})(?:\s*\.\.\s*(\d{1,3}))?", part)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (1, 0)
        if first <= last <= 255:
            found += range(first, last + 1)
        else:
            wrong.append(printable(part))
    return found, wrong
