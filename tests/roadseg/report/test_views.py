"""What a page shows of frames, labels and data is what their files hold, and small."""

import cv2
import numpy as np
import pytest
from conftest import write_picture
from report_facts import decoded

from roadseg.frames.classes import CITYSCAPES, PALETTE, ClassSet, colorize
from roadseg.frames.files import FrameFiles
from roadseg.report import views
from roadseg.scoring.metrics import FrameScore

ROAD, CAR = 0, 13


def written(folder, **pictures):
    """The files of pictures under their names."""
    for name, picture in pictures.items():
        write_picture(folder / f"{name}.png", picture)
    return [folder / f"{name}.png" for name in pictures]


def test_colours_are_as_a_page_names_them():
    assert views.legend(ClassSet(("a", "b"), ((0, 15, 255), (1, 2, 3)))) == [("#000fff", "a"), ("#010203", "b")]


# --- test frames


def test_the_worst_frames_come_first_and_no_more_than_asked_for(tmp_path):
    truth = np.array([[0, 1], [2, 2]], np.uint8).repeat(8, 0).repeat(8, 1)
    preds = {"a.x": truth, "b": np.zeros_like(truth), "c": np.where(truth == 1, 0, truth)}
    (image,) = written(tmp_path, image=np.full((16, 16, 3), 90, np.uint8))
    files = [FrameFiles(image, label) for label in written(tmp_path / "label", **dict.fromkeys(preds, truth))]
    view = views.frames_view(files, written(tmp_path, **preds), CITYSCAPES, 2)
    assert view["sentence"].startswith("The worst 2 of 3 test frames, lowest mIoU first")
    assert [frame["name"] for frame in view["shown"]] == ["b", "c"]
    assert view["shown"][0]["missed"].split()[:4] == ["0", "64", "128", "0"]
    assert view["shown"][0]["truth"].split()[:4] == ["64", "64", "128", "0"]
    assert np.array_equal(decoded(view["shown"][1]["layers"]["ground truth"]), colorize(truth))


def test_the_classes_of_which_most_pixels_are_missed_are_named_in_that_order():
    names = ("road", "car", "pole", "sky")
    score = FrameScore(0.4123, np.array([900, 60, 30, 10]), np.array([100, 50, 30, 0]))
    expected = "mIoU 41.2 %; missed most: road 10.0 %, car 5.0 %, pole 3.0 % of the labelled pixels"
    assert views.in_words(score, names) == expected
    assert views.in_words(FrameScore(1.0, np.array([1]), np.array([0])), names) == "mIoU 100.0 %"
    assert views.in_words(FrameScore(float("nan"), np.zeros(4, int), np.zeros(4, int)), names) == "no pixel has a class"


def test_more_frames_are_smaller_so_that_a_page_is_no_larger():
    pixels = [frames * views.longest_side(frames) ** 2 for frames in (64, 256, 1000)]
    assert max(pixels) / min(pixels) < 1.01
    assert views.longest_side(1) == views.longest_side(50) == 1280


# --- the confusion matrix


def test_a_cell_of_the_confusion_holds_its_share_of_the_true_pixels_and_says_it():
    road, car = views.confusion_view(np.array([[199_000, 1000], [0, 0]]), ["road", "car"])
    cells = [(cell["text"], cell["share"], cell["full"]) for cell in road["cells"]]
    assert cells == [("100", 99.5, True), ("", 0.5, False)]
    assert road["cells"][1]["says"] == "road predicted as car: 0.50 % of its pixels, 1,000 pixels"
    assert [cell["says"] for cell in car["cells"]] == ["", ""], "a class that does not occur has nothing to say"
    assert views.confusion_view(np.eye(60, dtype=np.int64), [f"class {k}" for k in range(60)]) == [], (
        "many have no table"
    )


# --- labels that are improbable to the network


def test_surroundings_stay_inside_the_frame():
    assert views.surroundings((0, 0, 400, 100), 100, 400) == (slice(0, 100), slice(0, 400))
    assert views.surroundings((10, 10, 11, 11), 100, 400) == (slice(0, 43), slice(0, 43))


def test_a_place_is_cut_from_picture_label_and_what_the_network_sees(tmp_path):
    seen = np.zeros((50, 200), np.uint8)
    seen[20:30, 60:80] = CAR
    seen[20:30, 90:95] = CAR  # another place, outside the box: it gets no line
    image, label, classes = written(
        tmp_path, image=np.full((100, 400, 3), 90, np.uint8), label=np.zeros((100, 400), np.uint8), seen=seen
    )
    row = {"rank": 1, "split": "train", "image": "a", "label": "road", "predicted": "car"}
    row |= {"left": 120, "top": 40, "right": 160, "bottom": 60, "confidence": 0.987, "share": 0.005}
    view = views.suspect_view(row, FrameFiles(image, label), classes, CITYSCAPES)
    assert view["words"] == "99 % sure, 0.50 % of the frame"
    layers = {name: decoded(address) for name, address in view["layers"].items()}
    assert {layer.shape for layer in layers.values()} == {(84, 104, 3)}  # 32 pixels more on each side
    assert (layers["label"] == PALETTE[ROAD]).all()
    expected = cv2.resize(seen, (400, 100), interpolation=cv2.INTER_NEAREST)[8:92, 88:192]
    assert np.array_equal(layers["network"], PALETTE[expected])
    assert (layers["picture"][32, 32:72] > 200).all(), "a white line around the place"
    assert layers["picture"][42, 52].tolist() == pytest.approx([90] * 3, abs=8), "none inside it"
    assert layers["picture"][:, 80:].mean() == pytest.approx(90, abs=2), "and none around the other"


# --- the data


def test_frames_of_the_data_are_shown_beside_their_labels(tmp_path):
    label = np.arange(16, dtype=np.uint8).repeat(4).reshape(8, 8)
    write_picture(tmp_path / "training" / "image" / "a.b.png", np.full((8, 8, 3), 90, np.uint8))
    write_picture(tmp_path / "training" / "label" / "a.b.png", label)
    row = {"split": "val", "frame": "training/image/a.b.png"}
    survey = {"splits": [], "classes": [], "sizes": [], "twins": [], "shown": [row]}
    (shown,) = views.data_view(survey, tmp_path, CITYSCAPES)["shown"]
    assert (shown["name"], shown["split"]) == ("training/image/a.b.png", "val")
    assert np.array_equal(decoded(shown["layers"]["label"]), colorize(label))
