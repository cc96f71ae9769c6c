"""Whatever there is scores as the study's function, restated on arrays, scores it."""

import json

import cv2
import numpy as np
import pytest
from conftest import GOLDEN
from PIL import Image

from roadseg.pipeline.errors import UserError
from roadseg.scoring.folders import matching_files
from roadseg.scoring.scoring import cal_acc
from roadseg.scoring.study import study_histogram_of_files

VECTORS = GOLDEN / "cal_acc"
EXPECTED = json.loads((VECTORS / "expected.json").read_text())


@pytest.mark.parametrize("case", EXPECTED)
def test_golden_cases(case):
    pairs = matching_files(VECTORS / case / "pred", VECTORS / case / "gt")
    assert cal_acc(study_histogram_of_files(pairs))[0] == EXPECTED[case]


def cal_acc_of_arrays(pred, truth, k=19):
    """The study's formula, by numpy's own histogram."""
    pred = np.where(truth == 255, 255, pred)
    p, t, i = (np.histogram(x, bins=np.arange(k + 1))[0] for x in (pred, truth, pred[pred == truth]))
    return np.mean(i / (p + t - i + 1e-10))


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4)])
@pytest.mark.parametrize(
    ("dtype", "values"), [(np.uint8, [0, 1, 18, 19, 20, 254, 255]), (np.uint16, [0, 1, 19, 255, 256, 257, 9999])]
)
def test_any_values_bits_and_channels(tmp_path, shape, dtype, values):
    rng = np.random.default_rng(0)
    maps = [rng.choice(np.array(values, dtype), shape) for _ in range(2)]
    for name, values_of in zip(("pred.png", "gt.png"), maps, strict=True):
        cv2.imwrite(str(tmp_path / name), values_of)
    joint = study_histogram_of_files([(tmp_path / "pred.png", tmp_path / "gt.png")])
    assert cal_acc(joint)[0] == cal_acc_of_arrays(*maps)


def test_what_the_study_could_not_score_either(tmp_path):
    Image.new("L", (4, 3)).save(tmp_path / "grey.png")
    Image.new("RGB", (4, 3)).save(tmp_path / "colour.png")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"grey\.png has the shape \(3, 4\), but .*colour\.png \(3, 4, 3\); make them the"
    ):
        study_histogram_of_files([(tmp_path / "grey.png", tmp_path / "colour.png")])
    with pytest.raises(UserError, match=r"empty\.png is not a readable PNG or JPEG"):
        study_histogram_of_files([(tmp_path / "grey.png", tmp_path / "empty.png")])
