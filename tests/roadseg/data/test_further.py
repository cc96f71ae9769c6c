"""Further data: its training frames alone, under the label rule, and none that is tested on."""

import shutil

import cv2
import numpy as np
import pytest
from conftest import write_picture, write_seg_data

from roadseg.data import further, seg_data
from roadseg.pipeline.errors import UserError

STEMS = ["000000_10", "000001_10", "000002_10", "000003_10"]


@pytest.fixture
def layout(tmp_path):
    """A layout with two test frames in it."""
    folder = tmp_path / "layout"
    seg_data.make_layout(folder)
    main = write_seg_data(tmp_path / "main", seed=1, height=64, width=96)
    shutil.copytree(main / "testing", folder / "testing", dirs_exist_ok=True)
    return folder


def add(layout, source, allow_leak=False):
    part = further.make_part(layout, "mine")
    return further.import_training(source, layout, part, further.written(layout, "testing"), allow_leak)


@pytest.mark.parametrize("test", [0, 2])
def test_training_frames_alone_are_taken(tmp_path, layout, test):
    mine = write_seg_data(tmp_path / "mine", test=test, seed=2)
    assert add(layout, mine) == []
    assert seg_data.stems(layout, "also/mine") == STEMS
    for kind in ("image", "label"):
        for stem in STEMS:
            written, given = (
                cv2.imread(str(f / kind / f"{stem}.png"), -1) for f in (layout / "also/mine", mine / "training")
            )
            np.testing.assert_array_equal(written, given)
    assert list((layout / "training" / "image").iterdir()) == []
    assert seg_data.sizes(layout) == [(64, 96)]  # of the main frames


def test_from_an_archive(tmp_path, layout):
    mine = write_seg_data(tmp_path / "mine", test=0, seed=2)
    add(layout, type(mine)(shutil.make_archive(str(tmp_path / "packed"), "zip", mine)))
    assert seg_data.stems(layout, "also/mine") == STEMS


def spoil_labels(top):
    mask = np.zeros((32, 48), np.uint8)
    mask[:, 9:] = 255
    for path in (top / "training" / "label").iterdir():
        write_picture(path, mask)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda top: shutil.rmtree(top), "mine does not exist"),
        (lambda top: (top / "training").rename(top / "mine"), "has frames in no layout that is known: training/image"),
        (lambda top: (top / "training/label/000001_10.png").unlink(), r"000001_10\.png has no label; add"),
        (
            lambda top: write_picture(top / "training/label/000001_10.png", np.full((32, 48), 19, np.uint8)),
            r"000001_10\.png holds 19; save train ids",
        ),
        (
            spoil_labels,
            "mine/training: all labels hold 0 and 255 alone",
        ),
    ],
)
def test_the_rules_are_those_of_the_main_frames(tmp_path, layout, spoil, message):
    spoil(write_seg_data(tmp_path / "mine", test=0, seed=2))
    with pytest.raises(UserError, match=message):
        add(layout, tmp_path / "mine")


def test_a_test_frame_is_refused_unless_allowed(tmp_path, layout):
    mine = write_seg_data(tmp_path / "mine", test=0, seed=2)
    for kind in ("image", "label"):
        shutil.copy(layout / f"testing/{kind}/000005_10.png", mine / f"training/{kind}/other.png")
    names = rf"testing/image/000005_10\.png is the same picture as {mine}/training/image/other\.png"
    with pytest.raises(UserError, match=rf"^{names}; a frame that is trained on can't be tested on"):
        add(layout, mine)
    shutil.rmtree(layout / "also")
    (note,) = add(layout, mine, allow_leak=True)
    assert note.startswith("1 frame for testing is trained on as well: testing/image/000005_10.png and ")


def test_nearly_the_same_frame_is_told(tmp_path, layout):
    mine = write_seg_data(tmp_path / "mine", test=0, seed=2, height=64, width=96)
    picture = cv2.imread(str(layout / "testing/image/000005_10.png"))
    assert picture is not None
    write_picture(mine / "training/image/000002_10.png", picture // 2 + 60)
    (note,) = add(layout, mine)
    assert note.startswith("1 frame for testing is nearly the same as one for training: testing/image/000005_10.png")


def test_written_frames_are_checked_alike(layout):
    part = further.make_part(layout, "scenes")
    shutil.copy(layout / "testing/image/000004_10.png", layout / part / "image" / "x.png")
    testing = further.written(layout, "testing")
    with pytest.raises(UserError, match=r"000004_10\.png is the same picture as also/scenes/image/x\.png"):
        further.check_written(layout, part, testing, allow_leak=False)
    assert len(further.check_written(layout, part, testing, allow_leak=True)) == 1


def test_frames_that_choose_the_epoch_may_be_there_and_are_named(tmp_path, layout):
    main = write_seg_data(tmp_path / "main_2", train=3, test=0, seed=3)
    shutil.copytree(main / "training", layout / "training", dirs_exist_ok=True)
    held_out, trained = seg_data.stems(layout, "training")[:2]
    part = further.make_part(layout, "scenes")
    for stem in (held_out, trained):
        shutil.copy(layout / f"training/image/{stem}.png", layout / part / "image" / f"{stem}.png")
    others = further.untrained(layout, [held_out])
    assert {frame.part for frame in others} == {"testing", "held_out"}
    assert further.check_written(layout, part, others, allow_leak=False) == [
        f"1 frame held out is trained on as well: training/image/{held_out}.png and also/scenes/image/{held_out}.png"
    ]
