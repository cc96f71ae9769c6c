"""A set of classes is written beside the frames and read again as it was; the 19 are those of Cityscapes."""

import numpy as np
import pytest

from roadseg.frames.classes import (
    CITYSCAPES,
    NAMES,
    NUM_CLASSES,
    PALETTE,
    TRAIN_ID_OF_LABEL_ID,
    ClassSet,
    colorize,
    read_classes,
    write_classes,
)
from roadseg.pipeline.errors import UserError

TWO = ClassSet(("Straße", "nan"), ((1, 2, 3), (4, 5, 6)))


def test_classes_are_cityscapes():
    assert (NUM_CLASSES, NAMES[0], NAMES[9], NAMES[18]) == (19, "road", "terrain", "bicycle")
    train_ids = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13}
    train_ids |= {27: 14, 28: 15, 31: 16, 32: 17, 33: 18}
    assert [TRAIN_ID_OF_LABEL_ID[i] for i in range(256)] == [train_ids.get(i, 255) for i in range(256)]
    assert PALETTE[13].tolist() == [0, 0, 142]


@pytest.mark.parametrize("classes", [CITYSCAPES, TWO], ids=["cityscapes", "two"])
def test_what_is_written_is_read_again(tmp_path, classes):
    assert read_classes(tmp_path) is CITYSCAPES  # where nothing is said
    write_classes(tmp_path, classes)
    assert read_classes(tmp_path) == classes


def test_the_files_have_a_line_a_class(tmp_path):
    write_classes(tmp_path, TWO)
    assert (tmp_path / "names.txt").read_bytes() == "Straße\nnan\n".encode()
    assert (tmp_path / "colors.txt").read_bytes() == b"1 2 3\n4 5 6\n"


@pytest.mark.parametrize("colors", ["1 2 3\n", "1 2 3\n4 5\n", "1 2 3\n4 5 six\n", None])
def test_files_that_don_t_fit_are_one_line(tmp_path, colors):
    write_classes(tmp_path, TWO)
    (tmp_path / "colors.txt").unlink()
    if colors is not None:
        (tmp_path / "colors.txt").write_text(colors)
    with pytest.raises(UserError, match=r"names\.txt and colors\.txt don't fit; run `dvc repro fetch_data`$"):
        read_classes(tmp_path)


def test_what_is_no_class_is_painted_black():
    ids = np.array([[0, 1, 2, 255]], dtype=np.uint8)
    assert colorize(ids, TWO).tolist() == [[[1, 2, 3], [4, 5, 6], [0, 0, 0], [0, 0, 0]]]
    assert colorize(np.array([[18, 19]], np.uint8)).tolist() == [[[119, 11, 32], [0, 0, 0]]]
