"""Each script answers --help with an example, and one without options refuses arguments."""

import subprocess
import sys

import pytest
from conftest import ROOT

SCRIPTS = sorted((ROOT / "src").glob("*.py"))


def call(script, *words):
    return subprocess.run([sys.executable, str(script), *words], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_help_has_an_example(script):
    done = call(script, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
    example = " ".join(done.stdout.strip().split("\n\n")[-1].split())  # its lines are broken at any width
    assert example.startswith(("example: dvc repro ", "example: python src/"))
    assert script.stem in example


def test_an_argument_that_nothing_reads_is_refused():
    done = call(ROOT / "src" / "headline.py", "--all")
    assert done.returncode == 2
    assert "unrecognized arguments: --all" in done.stderr
