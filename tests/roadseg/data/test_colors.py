"""Colours stand for classes, whatever kind of PNG shows them."""

import cv2
import numpy as np
import pytest
from trees import palette_png

from roadseg.data import colors
from roadseg.data.colors import colors_of, ids_of_colors
from roadseg.frames.headers import read_header
from roadseg.pipeline.errors import UserError

BLACK_WHITE = colors_of({(0, 0, 0): 0, (255, 255, 255): 1, (255, 0, 0): 255}, "known are black and white")
MASK = np.array([[0, 255], [255, 255], [0, 0]], np.uint8)


def ids_of(png, meaning=BLACK_WHITE):
    return ids_of_colors(read_header(png, "a.png"), meaning, "a.png").tolist()


def encoded(picture, *options):
    return cv2.imencode(".png", picture, list(options))[1].tobytes()


def rgba(mask):
    return np.dstack([mask, mask, mask, np.zeros_like(mask)])


@pytest.mark.parametrize(
    "png",
    [
        encoded(MASK),
        encoded(MASK, cv2.IMWRITE_PNG_BILEVEL, 1),
        encoded(np.dstack([MASK] * 3)),
        encoded(rgba(MASK)),
        palette_png(MASK // 255, [(0, 0, 0), (255, 255, 255)]),
        palette_png(MASK // 255, [(0, 0, 0), (255, 255, 255)], bits=1),
        palette_png(1 - MASK // 255, [(255, 255, 255), (0, 0, 0)]),
    ],
    ids=["grey", "1 bit", "colours", "transparent", "palette", "palette of 1 bit", "palette the other way round"],
)
def test_a_mask_of_any_form(png):
    assert ids_of(png) == [[0, 1], [1, 1], [0, 0]]


def test_red_comes_first():
    picture = np.array([[[0, 0, 255]]], np.uint8)  # OpenCV writes blue first
    assert ids_of(encoded(picture)) == [[255]]
    with pytest.raises(UserError, match=r"a\.png holds 0 0 255; known are"):
        ids_of(encoded(picture[..., ::-1]))


def test_unknown_colours_are_named_once_each():
    picture = np.arange(14, dtype=np.uint8).repeat(3).reshape(2, 7, 3)
    with pytest.raises(UserError) as caught:
        ids_of(encoded(picture))
    shown = "1 1 1, 2 2 2, 3 3 3, 4 4 4, 5 5 5 and 8 more colours"
    assert str(caught.value) == f"a.png holds {shown}; known are black and white"


def test_a_large_label_is_read_in_strips(monkeypatch):
    monkeypatch.setattr(colors, "_AT_A_TIME", 4)
    assert ids_of(encoded(MASK)) == [[0, 1], [1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (cv2.imencode(".jpg", MASK)[1].tobytes(), "a.png is a JPEG, which alters colours; save it as a PNG"),
        (encoded(MASK.astype(np.uint16)), "a.png has 16 bits a channel; save it with 8"),
    ],
)
def test_what_can_t_hold_colours_is_one_line(data, line):
    with pytest.raises(UserError) as caught:
        ids_of(data)
    assert str(caught.value) == line
