"""Each script answers --help with an example, and one without options refuses arguments."""

import runpy
import subprocess
import sys

import pytest
from conftest import ROOT

SCRIPTS = sorted((ROOT / "src").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_help_has_an_example(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(script), "--help"])
    with pytest.raises(SystemExit) as ended:  # in this process, which has loaded torch already
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("usage: ")
    example = " ".join(shown.strip().split("\n\n")[-1].split())  # its lines are broken at any width
    assert example.startswith(("example: dvc repro ", "example: python src/"))
    assert script.stem in example


@pytest.mark.slow
def test_an_argument_that_nothing_reads_is_refused():
    words = [sys.executable, str(ROOT / "src" / "check.py"), "--all"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "unrecognized arguments: --all" in done.stderr
