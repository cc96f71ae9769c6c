"""What any bad input must come to: lines that name it, exit code 1, and nothing written."""

import importlib
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from conftest import ROOT

from roadseg.pipeline.stage import run

TRUST = "ROADSEG_TRUST" in os.environ  # `make trust`: all bad inputs, not only a part of them
_EVERY, _calls = 5, count()  # so manieth of them then meets the script in a process of its own
TIMEOUT = 90  # seconds; the longest that a download may take to give up


def refusal(script, *words, server_here=False):
    """Run a script of src/ in this folder with bad input; return the lines with which it ends.

    With `server_here` it takes the test's own settings for downloads, and so runs in this process.
    """
    before = files_here()
    own_process = TRUST and not server_here and next(_calls) % _EVERY == 0
    code, output = (in_own_process if own_process else in_this_process)(script, words)
    assert code == 1, f"accepted, or ended by another way: {code} {output[-2000:]}"
    lines = [line for line in output.splitlines() if line.startswith("error: ")]
    assert lines, output[-2000:]
    for line in lines:
        assert len(line) < 2000, line
        assert line.isprintable(), line
    assert "Traceback" not in output
    assert files_here() == before
    return lines


def in_own_process(script, words):
    command = [sys.executable, str(ROOT / "src" / f"{script}.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    return done.returncode, done.stderr


def in_this_process(script, words):
    module = importlib.import_module(script)
    main = module.predict_source if script == "predict" else module.main
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"{script}.py", *words])
        with pytest.raises(SystemExit) as caught:
            run(main)
    # what is no number is printed, and means 1
    return (1, caught.value.code) if isinstance(caught.value.code, str) else (caught.value.code, "")


def files_here():
    """All files below this folder, with the time of their last change: a stage may leave an empty folder."""
    return {
        path: path.lstat().st_mtime_ns for path in Path().rglob("*") if not path.is_dir() and path.name != "params.yaml"
    }
