"""A row of class_sets says which classes there are and what in a label means them; what it can't say is a line each."""

import pytest
from conftest import PARAMS

from roadseg.data.class_sets import TRAIN_ID_RULE, default_colors, kit_color, label_rule
from roadseg.frames.classes import CITYSCAPES, TRAIN_ID_OF_LABEL_ID
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import ClassRow

ROWS = PARAMS["class_sets"]


def rule(row):
    return label_rule("x", ClassRow.model_validate(row))


def problems(row):
    with pytest.raises(UserError) as caught:
        rule(row)
    return str(caught.value).split("\n")


def test_cityscapes_is_what_labels_were_before_there_were_rows():
    assert label_rule("cityscapes", ClassRow.model_validate(ROWS["cityscapes"])) == TRAIN_ID_RULE


def test_label_ids_are_those_of_cityscapes():
    found = rule(ROWS["cityscapes_ids"])
    assert found.classes == CITYSCAPES
    assert found.values == {i: int(TRAIN_ID_OF_LABEL_ID[i]) for i in (*range(34), 255)}


def test_camvid_s_32_colours_are_11_classes():
    """Colours and names are those of the data set's own label_colors.txt."""
    found = rule(ROWS["camvid"])
    names = (*found.classes.names, *[""] * 244, "void")
    assert len(found.colors) == 32
    assert len(found.classes) == 11
    assert {color: names[i] for color, i in found.colors.items()}.items() >= {
        (0, 0, 0): "void",
        (128, 128, 128): "sky",
        (64, 192, 0): "building",  # Wall
        (0, 0, 64): "pole",  # TrafficCone
        (128, 0, 192): "road",  # LaneMkgsDriv
        (0, 0, 192): "pavement",  # Sidewalk
        (192, 192, 0): "tree",  # VegetationMisc
        (0, 64, 64): "sign symbol",  # TrafficLight
        (64, 64, 128): "fence",
        (192, 128, 192): "car",  # Truck_Bus
        (192, 128, 64): "pedestrian",  # Child
        (192, 0, 192): "bicyclist",  # MotorcycleScooter
    }.items()
    assert found.classes.colors[:2] == ((128, 128, 128), (128, 0, 0))


def test_black_and_white_are_background_and_road():
    found = rule(ROWS["binary_road"])
    assert found.classes.names == ("background", "road")
    assert found.colors == {(0, 0, 0): 0, (255, 255, 255): 1}


def test_pascal_has_21_classes_and_255():
    found = rule(ROWS["pascal"])
    assert found.values == {i: i for i in (*range(21), 255)}
    assert found.unpainted == tuple(range(21))


def test_default_colours_are_those_of_the_voc_development_kit():
    """From VOClabelcolormap(256) of the kit: aeroplane, bicycle, bird, car, person, tvmonitor, and the void of 255."""
    kit = {1: (128, 0, 0), 2: (0, 128, 0), 3: (128, 128, 0), 7: (128, 128, 128), 15: (192, 128, 128)}
    kit |= {20: (0, 64, 128), 255: (224, 224, 192)}
    assert {i: kit_color(i) for i in kit} == kit


def test_no_two_classes_and_no_missing_label_have_one_colour():
    colors = default_colors([(128, 0, 0), None, None, (0, 0, 64), *[None] * 250])
    assert len(set(colors)) == 254
    assert (0, 0, 0) not in colors
    assert (colors[0], colors[2], colors[3]) == ((128, 0, 0), (0, 128, 0), (0, 0, 64))
    found = rule({"labels": "grey", "classes": [{"a": "128 0 0"}, "b"]})
    assert found.classes.colors == ((128, 0, 0), (0, 128, 0))


def test_values_may_be_numbers_and_ranges_and_255_is_ignored_unless_it_is_a_class():
    row = {"labels": "grey", "classes": ["a", "b"], "values": {"a": 7, "b": "1..3, 9"}}
    assert rule(row).values == {7: 0, 1: 1, 2: 1, 3: 1, 9: 1, 255: 255}
    row["values"]["a"] = 255
    assert rule(row).values == {255: 0, 1: 1, 2: 1, 3: 1, 9: 1}
    assert rule(row | {"ignore": 0}).values[0] == 255


COLORS = {"labels": "colors", "classes": [{"a": "1 2 3"}, {"b": "4 5 6"}]}
GREY = {"labels": "grey", "classes": ["a", "b"]}
BLUE = "write red, green and blue, as in 128 64 128"
BYTE = "write 0 to 255, as in 7, or 0..6, 9"
BAD = [
    ({"labels": "grey"}, " has no classes; name two or more under its classes"),
    ({"classes": ["a"]}, " has one class, a; name two or more under its classes"),
    ({"classes": [f"c{i}" for i in range(300)]}, " has 300 classes, and 8 bits hold 254 beside 255; name fewer"),
    ({"classes": ["a", "b", "a"]}, ": a is among its classes more than once; name each once"),
    ({"classes": [{"a": "1 2 3"}, {"b": "1 2 3"}]}, ": a and b have the same colour, 1 2 3; give one another"),
    (COLORS | {"classes": [{"a": "1 2 300"}, {"b": "4 5 6"}]}, f".classes.a: '1 2 300' is no colour; {BLUE}"),
    (COLORS | {"classes": [{"a": "1 2 3"}, "b"]}, f".classes.b: '' is no colour; {BLUE}"),
    (GREY | {"values": {"c": 1}}, ".values.c is not one of its classes; choose from a, b"),
    (GREY | {"values": {"a": 1}}, ": 1 means both a and b; leave it to one of them"),
    (GREY | {"ignore": "1..200"}, ": 1 means both b and ignore; leave it to one of them"),
    (GREY | {"values": {"a": "0, 5..2"}}, f".values.a: '5..2' is no value; {BYTE}"),
    (GREY | {"ignore": 256}, f".ignore: '256' is no value; {BYTE}"),
    (COLORS | {"ignore": "black"}, f".ignore: 'black' is no colour; {BLUE}, 0 0 192"),
]


@pytest.mark.parametrize(("row", "line"), BAD, ids=[line[:60] for _, line in BAD])
def test_what_is_wrong_is_a_line(row, line):
    assert problems(row) == [f"class_sets.x{line}"]


def test_all_problems_are_found_at_once():
    row = {"classes": [{"a": "1 2 3"}, {"b": "1 2 3"}], "values": {"c": 1, "a": "x"}}
    assert len(problems(row)) == 3


def test_254_classes_are_not_too_many():
    assert len(rule({"classes": [f"c{i}" for i in range(254)]}).classes) == 254
