"""What a row makes of values, indices and palettes."""

from pathlib import Path

import numpy as np
from trees import palette_png

from roadseg.data.archives import Tree
from roadseg.data.class_rows import label_rule
from roadseg.data.label_rules import painted_classes, values_of
from roadseg.data.pairs import Pair
from roadseg.frames.headers import read_header
from roadseg.frames.images import decode_indices, plain_ids
from roadseg.pipeline.sections import ClassRow


def rule(**row):
    return label_rule("x", ClassRow.model_validate(row))


def test_values_in_their_order_are_plain_ids():
    values = values_of(rule(labels="grey", classes=[f"c{i}" for i in range(19)]))
    assert np.array_equal(values.train_ids, plain_ids(19).train_ids)
    assert values.allowed == plain_ids(19).allowed


def test_other_values_are_looked_up_and_the_known_ones_named():
    values = values_of(rule(labels="grey", classes=["a", "b"], values={"a": "7, 8", "b": 0}, ignore=9))
    known = {value: int(i) for value, i in enumerate(values.train_ids) if i >= 0}
    assert known == {7: 0, 8: 0, 0: 1, 9: 255}
    assert values.allowed == "x knows 0, 7, 8, 9: add what it means to class_sets.x, to a class or to ignore"
    assert not values.indices


def pair_of(*pngs):
    """A tree of these labels, and their pairs."""
    files = {f"{i}.png": png for i, png in enumerate(pngs)}
    return Tree(Path("mine"), list(files), files.__getitem__), [Pair("", name, name, name) for name in files]


THREE = [(9, 9, 9), (1, 2, 3), (4, 5, 6)]


def test_a_class_without_a_colour_has_that_of_the_first_palette():
    indices = np.zeros((2, 2), np.uint8)
    tree, pairs = pair_of(palette_png(indices, THREE), palette_png(indices, THREE[::-1]))
    palette = rule(labels="palette", classes=["a", {"b": "7 7 7"}, "c"])
    assert painted_classes(palette, tree, pairs).colors == ((9, 9, 9), (7, 7, 7), (4, 5, 6))
    moved = rule(labels="palette", classes=["a", "b"], values={"a": 2, "b": 1})
    assert painted_classes(moved, tree, pairs).colors == ((4, 5, 6), (1, 2, 3))


def test_what_a_palette_lacks_keeps_its_number_s_colour():
    tree, pairs = pair_of(palette_png(np.zeros((2, 2), np.uint8), THREE[:2]))
    palette = rule(labels="palette", classes=["a", "b", "c"])
    assert painted_classes(palette, tree, pairs).colors == ((9, 9, 9), (1, 2, 3), (0, 128, 0))
    assert painted_classes(palette, *pair_of()).colors == ((128, 128, 0), (128, 0, 0), (0, 128, 0))


def test_indices_of_few_bits_are_read_as_they_are():
    for bits, most in ((1, 2), (2, 4), (4, 16), (8, 200)):
        indices = np.arange(24, dtype=np.uint8).reshape(4, 6) % most
        png = palette_png(indices, [(i, 0, i) for i in range(most)], bits)
        assert png[24] == bits
        assert np.array_equal(decode_indices(read_header(png, "a"), "a"), indices)
