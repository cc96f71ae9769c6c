"""How stages end and how they write: one line for what a user can fix, and whole files or none."""

import errno
import subprocess
import sys

import pytest
from conftest import ROOT

from roadseg.pipeline.errors import UserError
from roadseg.pipeline.stage import replacing, run, write_json

SRC = ROOT / "src"


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    target = tmp_path / "new" / "out.csv"
    with replacing(target) as temporary:
        assert temporary.suffix == ".csv"
        temporary.write_text("1")
        assert not target.exists()
    assert target.read_text() == "1"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    target = tmp_path / "out.json"
    write_json(target, 1)
    with pytest.raises(TypeError):
        write_json(target, {"half": object()})
    with pytest.raises(FileNotFoundError), replacing(target):
        pass  # a stage that writes nothing is a mistake
    assert target.read_text() == "1\n"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_takes_the_place_of_another_and_of_a_killed_runs_rest(tmp_path):
    target, rest = tmp_path / "out", tmp_path / ".out.new"
    for folder in (target, rest):
        (folder / "old").mkdir(parents=True)
    with replacing(target) as temporary:
        assert (target / "old").exists()
        (temporary / "new").mkdir(parents=True)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_replaced_but_not_its_target(tmp_path):
    (tmp_path / "elsewhere" / "old").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    with replacing(tmp_path / "out") as temporary:
        temporary.mkdir()
    assert not (tmp_path / "out").is_symlink()
    assert (tmp_path / "elsewhere" / "old").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("seed is missing\nlr is missing"), "error: seed is missing\nerror: lr is missing"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a/b"), "error: a/b: No such file or directory"),
        (OSError(errno.ENOSPC, "No space left on device"), "error: writing: No space left on device; free some space"),
    ],
)
def test_what_a_user_can_fix_is_reported_without_a_traceback(error, message):
    def main():
        raise error

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert str(caught.value.code).startswith(message)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 9")],
)
def test_a_lack_of_memory_is_reported_with_what_to_lower(error):
    def main():
        raise error

    with pytest.raises(SystemExit, match=r"^error: .*memory.*; lower train\.batch_size, .* or free some memory$"):
        run(main)


def test_a_mistake_in_the_code_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


@pytest.mark.slow
def test_the_exit_code_is_1_and_the_line_goes_to_stderr(tmp_path):
    script = [sys.executable, SRC / "score.py", "--pred", "nowhere", "--gt", "nowhere"]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: nowhere is not a folder; name the one that holds the PNGs\n"
