"""A cutting shows the place, and what is around it."""

import cv2
import numpy as np
import pytest
from conftest import write_picture
from test_embedded import decoded

from roadseg.frames.classes import CITYSCAPES, PALETTE
from roadseg.report.suspect_views import outlined, surroundings, suspect_view, within

ROAD, CAR = 0, 13


def test_surroundings_stay_inside_the_frame():
    assert surroundings(0, 0, 400, 100, 100, 400) == (slice(0, 100), slice(0, 400))
    assert surroundings(10, 10, 11, 11, 100, 400) == (slice(0, 43), slice(0, 43))


def test_a_line_is_drawn_around_what_is_inside_and_the_picture_stays():
    image = np.full((20, 20, 3), 90, np.uint8)
    inside = np.zeros((20, 20), bool)
    inside[4:15, 4:15] = True
    drawn = outlined(image, inside)
    assert (drawn[4, 4:15] == 255).all()
    assert drawn[10, 10].tolist() == [90] * 3
    assert drawn[3, 10].tolist() == [0] * 3
    assert (image == 90).all()


def test_only_the_named_place_has_a_line_around_it():
    """Another place of the same classes nearby has a card of its own."""
    inside = within(10, 20, 30, 25, *surroundings(10, 20, 30, 25, 100, 400))
    assert inside.shape == (57, 62)
    assert inside.sum() == 20 * 5
    assert inside[20:25, 10:30].all()


def test_the_layers_are_cut_from_picture_label_and_what_the_network_sees(tmp_path):
    label = np.zeros((100, 400), np.uint8)
    seen = np.zeros((50, 200), np.uint8)
    seen[20:30, 60:80] = CAR
    files = [tmp_path / name for name in ("image.png", "label.png", "seen.png")]
    for file, content in zip(files, (np.full((100, 400, 3), 90, np.uint8), label, seen), strict=True):
        write_picture(file, content)
    row = {"rank": 1, "split": "train", "image": "a", "label": "road", "predicted": "car"}
    row |= {"left": 120, "top": 40, "right": 160, "bottom": 60, "confidence": 0.987, "share": 0.005}
    view = suspect_view(row, *files, CITYSCAPES)
    assert view["words"] == "99 % sure, 0.50 % of the frame"
    layers = {name: decoded(address) for name, address in view["layers"].items()}
    assert {layer.shape for layer in layers.values()} == {(84, 104, 3)}  # 32 pixels more on each side
    assert (layers["label"] == PALETTE[ROAD]).all()
    expected = cv2.resize(seen, (400, 100), interpolation=cv2.INTER_NEAREST)[8:92, 88:192]
    assert np.array_equal(layers["network"], PALETTE[expected])
    assert layers["picture"].mean() == pytest.approx(90, abs=8)
