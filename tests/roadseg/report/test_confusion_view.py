"""The confusion table of a page counts what the matrix counts."""

import numpy as np

from roadseg.report.confusion_view import confusion_view

MATRIX = np.array([[199_000, 1000], [0, 0]])


def test_a_cell_holds_its_share_of_the_true_pixels_and_says_it():
    road, car = confusion_view(MATRIX, ["road", "car"])
    assert [(cell["text"], cell["share"], cell["full"]) for cell in road["cells"]] == [
        ("100", 99.5, True),
        ("", 0.5, False),
    ]
    assert road["cells"][1]["says"] == "truth road, predicted car: 0.50 % of the true pixels, 1,000 pixels"
    assert [cell["says"] for cell in car["cells"]] == ["", ""], "a class that does not occur has nothing to say"


def test_many_classes_have_no_table():
    names = [f"class {k}" for k in range(60)]
    assert confusion_view(np.eye(60, dtype=np.int64), names) == []
