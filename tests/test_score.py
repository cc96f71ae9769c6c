"""The command `score.py --pred --gt`: strict by default, the study's own way with --study."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import GOLDEN, ROOT, write_picture

import score
from roadseg.pipeline.stage import run

VECTORS = GOLDEN / "cal_acc"
EXPECTED = json.loads((VECTORS / "expected.json").read_text())
ANY_VALUES = ("value_19", "out_of_range")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def scored(monkeypatch, capsys, *words):
    """Run the command and give what it prints, having seen that it writes nothing."""
    monkeypatch.setattr(sys, "argv", ["score.py", *map(str, words)])
    before = sorted(Path.cwd().rglob("*"))
    run(score.main)
    assert sorted(Path.cwd().rglob("*")) == before
    return json.loads(capsys.readouterr().out)


def folders(case):
    return ["--pred", VECTORS / case / "pred", "--gt", VECTORS / case / "gt"]


@pytest.mark.parametrize("case", EXPECTED)
def test_golden_cases(case, monkeypatch, capsys):
    """As the study scores them and, those of train ids, by the strict rule."""
    assert scored(monkeypatch, capsys, *folders(case), "--study") == {"miou": EXPECTED[case]}
    if case not in ANY_VALUES:
        printed = scored(monkeypatch, capsys, *folders(case))
        assert list(printed) == ["miou", "miou_present", "pixel_accuracy", "fw_iou"]
        assert printed["miou"] == EXPECTED[case]
        return
    with pytest.raises(SystemExit) as caught:
        scored(monkeypatch, capsys, *folders(case))
    lines = str(caught.value.code).split("\n")
    assert len(lines) == 6
    assert all("save train ids: 0..18, and 255 for pixels without a class" in line for line in lines)


def test_label_ids_end_in_lines_and_exit_code_1():
    for folder, value in (("pred", 0), ("gt", 26)):
        write_picture(Path(folder, "a.png"), np.array([[value, 8]], np.uint8))
    command = [sys.executable, str(ROOT / "src/score.py"), "--pred", "pred", "--gt", "gt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: gt/a.png holds 26; save train ids: 0..18, and 255 for pixels without a class\n"
