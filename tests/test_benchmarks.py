"""What is measured against is the study's way indeed, and the page gets its tables."""

import json

import cv2
import numpy as np
import pytest
import torch
from conftest import GOLDEN

import page
import study_way
from turns import measure


def test_the_restated_loss_is_the_studys():
    with np.load(GOLDEN / "losses" / "vectors.npz") as file:
        logits, targets = (torch.from_numpy(file[key]) for key in ("logits", "target"))
        gradient = file["grad_ce_dice"]
    logits.requires_grad_()
    loss = study_way.ce_dice(logits, targets.long())
    loss.backward()
    expected = json.loads((GOLDEN / "losses" / "expected.json").read_text())["ce_dice"]
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert np.abs(logits.grad.numpy() - gradient).max() < 1e-8


def test_the_restated_score_is_the_studys(tmp_path):
    # class 0: two of three found, one too many predicted; class 1: three of four, one too many; the 255 is left out
    for name, values in (("truth", [0, 0, 0, 255, 1, 1, 1, 1]), ("pred", [0, 0, 1, 1, 1, 1, 1, 0])):
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.png"), np.array([values], np.uint8))
    miou, iou = study_way.cal_acc(tmp_path / "pred", tmp_path / "truth")
    assert iou[:3] == pytest.approx([2 / 4, 3 / 5, 0])
    assert miou == pytest.approx((2 / 4 + 3 / 5) / 19)


def slow_job():
    return lambda: sum(range(3_000_000))


def quick_job():
    return lambda: sum(range(100_000))


def test_both_sides_are_measured_and_give_their_results():
    pair = measure(slow_job, quick_job, turns=3)
    assert pair.ratio > 3
    assert (pair.study_result, pair.our_result) == (sum(range(3_000_000)), sum(range(100_000)))


def test_a_section_of_the_page_is_replaced_and_the_rest_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "README", tmp_path / "README.md")
    page.README.write_text("above\n<!-- a: measured -->\nold\n<!-- a: end -->\nbelow\n")
    page.replace_section("a", page.table(("x", "y"), [("1", "2")]))
    assert page.README.read_text().splitlines() == [
        "above",
        "<!-- a: measured -->",
        "| x | y |",
        "| --- | ---: |",
        "| 1 | 2 |",
        "<!-- a: end -->",
        "below",
    ]
