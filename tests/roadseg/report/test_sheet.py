"""The sheet of frames: each picture is whole, in its order, with white where it is narrower than the widest."""

import numpy as np

from roadseg.images import read_image, write_image
from roadseg.report.sheet import draw_sheet


def test_pictures_stand_one_below_the_other(tmp_path):
    wide, narrow = np.full((2, 6, 3), 10, np.uint8), np.full((3, 4, 3), (200, 100, 50), np.uint8)
    for name, image in (("a.png", wide), ("b.png", narrow)):
        write_image(tmp_path / name, image)
    draw_sheet([tmp_path / "a.png", tmp_path / "b.png"], tmp_path / "sheet.png")
    sheet = read_image(tmp_path / "sheet.png")
    assert sheet.shape == (5, 6, 3)
    assert (sheet[:2] == wide).all()
    assert (sheet[2:, :4] == narrow).all()
    assert (sheet[2:, 4:] == 255).all()
