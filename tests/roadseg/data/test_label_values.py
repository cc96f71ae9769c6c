"""What values, indices and colours mean, whatever kind of PNG shows them."""

import cv2
import numpy as np
import pytest
from trees import palette_png

from roadseg.data import labels
from roadseg.data.class_sets import label_rule
from roadseg.data.labels import class_ids_of, colors_of, values_of
from roadseg.frames.headers import read_header
from roadseg.frames.images import decode_indices, plain_ids
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.sections import ClassRow

BLACK_WHITE = colors_of({(0, 0, 0): 0, (255, 255, 255): 1, (255, 0, 0): 255}, "known are black and white")
MASK = np.array([[0, 255], [255, 255], [0, 0]], np.uint8)


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
    assert values.allowed == "x knows 0, 7, 8, 9: add what it means to x in conf/classes.yaml, to a class or to ignore"
    assert not values.indices


def test_indices_of_few_bits_are_read_as_they_are():
    for bits, most in ((1, 2), (2, 4), (4, 16), (8, 200)):
        indices = np.arange(24, dtype=np.uint8).reshape(4, 6) % most
        png = palette_png(indices, [(i, 0, i) for i in range(most)], bits)
        assert png[24] == bits
        assert np.array_equal(decode_indices(read_header(png, "a"), "a"), indices)


def ids_of(png, size=(3, 2)):
    return class_ids_of(png, "a.png", BLACK_WHITE, size).tolist()


def encoded(picture, *options):
    return cv2.imencode(".png", picture, list(options))[1].tobytes()


FORMS = {
    "grey": encoded(MASK),
    "1 bit": encoded(MASK, cv2.IMWRITE_PNG_BILEVEL, 1),
    "colours": encoded(np.dstack([MASK] * 3)),
    "transparent": encoded(np.dstack([MASK, MASK, MASK, np.zeros_like(MASK)])),
    "palette": palette_png(MASK // 255, [(0, 0, 0), (255, 255, 255)]),
    "palette of 1 bit": palette_png(MASK // 255, [(0, 0, 0), (255, 255, 255)], bits=1),
    "palette the other way round": palette_png(1 - MASK // 255, [(255, 255, 255), (0, 0, 0)]),
}


@pytest.mark.parametrize("png", FORMS.values(), ids=FORMS)
def test_a_mask_of_any_form(png, monkeypatch):
    assert ids_of(png) == [[0, 1], [1, 1], [0, 0]]
    monkeypatch.setattr(labels, "_AT_A_TIME", 4)  # in strips
    assert ids_of(png) == [[0, 1], [1, 1], [0, 0]]


def test_red_comes_first():
    picture = np.array([[[0, 0, 255]]], np.uint8)  # OpenCV writes blue first
    assert ids_of(encoded(picture), (1, 1)) == [[255]]
    with pytest.raises(UserError, match=r"a\.png holds 0 0 255; known are"):
        ids_of(encoded(picture[..., ::-1]), (1, 1))


FAULTS = [
    (
        encoded(np.arange(14, dtype=np.uint8).repeat(3).reshape(2, 7, 3)),
        "a.png holds 1 1 1, 2 2 2, 3 3 3, 4 4 4, 5 5 5 and 8 more colours; known are black and white",
    ),
    (cv2.imencode(".jpg", MASK)[1].tobytes(), "a.png is a JPEG, which alters colours; save it as a PNG"),
    (encoded(MASK.astype(np.uint16)), "a.png has 16 bits a channel; save it with 8"),
]


@pytest.mark.parametrize(("data", "line"), FAULTS, ids=["unknown", "JPEG", "16 bits"])
def test_what_can_t_be_colours_is_one_line(data, line):
    with pytest.raises(UserError) as caught:
        ids_of(data, (2, 7) if "holds" in line else (3, 2))
    assert str(caught.value) == line
