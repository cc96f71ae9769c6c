"""What a row of `class_sets` makes of label files."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from roadseg.data.archives import Tree
from roadseg.data.class_rows import OWN, LabelRule, shown_value
from roadseg.data.colors import Colors, colors_of
from roadseg.data.pairs import Pair
from roadseg.frames.classes import IGNORE_INDEX, ClassSet
from roadseg.frames.headers import palette_of, read_header
from roadseg.frames.images import Values, plain_ids

_SHOWN = 12  # values that a message names


def values_of(rule: LabelRule) -> Values | Colors:
    """Return the meaning of what a label may hold, by the rule."""
    row = "the file that class_file names" if rule.name == OWN else f"{rule.name} in conf/classes.yaml"
    where = f"add what it means to {row}, to a class or to ignore"
    if rule.labels == "colors":
        return colors_of(rule.colors, f"{rule.name} knows {_some(list(rule.colors))}: {where}")
    indices, hint = rule.labels == "palette", ", or choose classes whose labels are colors or palette"
    plain = plain_ids(len(rule.classes))
    if rule.values == {i: i for i in (*range(len(rule.classes)), IGNORE_INDEX)}:
        return replace(plain, indices=indices, hint=hint)
    table = np.full(256, -1, dtype=np.int16)
    table[list(rule.values)] = list(rule.values.values())
    return Values(table, f"{rule.name} knows {_some(sorted(rule.values))}: {where}", indices, hint)


def _some(known: Sequence[int | tuple[int, int, int]]) -> str:
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(map(shown_value, known[:_SHOWN])) + more


def painted_classes(rule: LabelRule, tree: Tree, pairs: Sequence[Pair]) -> ClassSet:
    """Return the rule's classes, those without a colour in the one that the first palette among the labels gives them.

    A class keeps its colour where no label has a palette. Raises UserError where a label is damaged.
    """
    if not rule.unpainted or rule.labels != "palette":
        return rule.classes
    palettes = (palette_of(read_header(tree.read(p.label), name), name) for p in pairs if (name := tree.show(p.label)))
    palette = next(filter(None, palettes), [])
    index_of = {class_id: value for value, class_id in reversed(rule.values.items())}
    colors = list(rule.classes.colors)
    for class_id in rule.unpainted:
        if (index := index_of.get(class_id, len(palette))) < len(palette):
            colors[class_id] = palette[index]
    return replace(rule.classes, colors=tuple(colors))
