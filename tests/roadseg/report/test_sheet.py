"""The sheet of frames: each picture is whole, in its order and under its name, with white where it is narrower."""

import numpy as np

from roadseg.frames.images import read_image, write_image
from roadseg.report.sheet import draw_sheet


def test_pictures_stand_one_below_the_other_under_their_names(tmp_path):
    wide, narrow = np.full((2, 60, 3), 10, np.uint8), np.full((3, 40, 3), (200, 100, 50), np.uint8)
    pictures = {"l": tmp_path / "a.png", "": tmp_path / "b.png"}
    for file, image in zip(pictures.values(), (wide, narrow), strict=True):
        write_image(file, image)
    draw_sheet(pictures, tmp_path / "sheet.png")
    sheet = read_image(tmp_path / "sheet.png")
    assert sheet.shape == (24 + 2 + 24 + 3, 60, 3)
    assert (sheet[24:26] == wide).all()
    assert (sheet[50:, :40] == narrow).all()
    assert (sheet[50:, 40:] == 255).all()
    assert (sheet[26:50] == 255).all()  # no name, no ink
    rows, columns = (sheet[:24] < 128).all(axis=2).nonzero()
    assert np.ptp(rows) > 3 * np.ptp(columns)  # an l is a stroke
    assert columns.max() < 15


def test_names_of_any_letters_are_drawn_and_differ(tmp_path):
    write_image(tmp_path / "a.png", np.zeros((1, 90, 3), np.uint8))
    sheets = []
    for name in ("000001_10", "000007_10", "straße"):
        draw_sheet({name: tmp_path / "a.png"}, tmp_path / "sheet.png")
        sheets.append(read_image(tmp_path / "sheet.png"))
    assert all((sheet[:24] < 128).any() for sheet in sheets)
    assert len({sheet.tobytes() for sheet in sheets}) == 3
