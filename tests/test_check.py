"""The reproduction check fails where it should."""

import json
import subprocess

import pytest

import check
from roadseg.pipeline.errors import UserError


def test_a_miou_out_of_tolerance_fails():
    check.check_miou(0.60, 0.629)
    with pytest.raises(UserError, match=r"mIoU 0\.5600 is further than 0\.03 from the committed 0\.6000"):
        check.check_miou(0.60, 0.56)


def test_other_bits_fail_and_name_the_stage():
    stages = {name: {"outs": [{"md5": "1"}]} for name in check.BIT_EQUAL}
    check.check_bit_equal(stages, dict(stages))
    with pytest.raises(UserError, match="stage flops gives other results than the committed ones"):
        check.check_bit_equal(stages, stages | {"flops": {"outs": [{"md5": "2"}]}})


@pytest.fixture
def repository(tmp_path):
    """A DVC repository of one stage that has run and whose results are committed."""
    stage = {
        "cmd": "cp in.txt out.txt && echo ran >> log.txt",
        "deps": ["in.txt"],
        "params": ["n"],
        "outs": ["out.txt"],
    }
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": {"copy": stage}}))
    (tmp_path / "params.yaml").write_text("n: 1\n")
    (tmp_path / "in.txt").write_text("1")
    commit = ["git", "-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "x"]
    clone = ["git", "clone", "-q", ".", "clone"]
    dvc_init, dvc_repro = ([*check.DVC, word, "-q"] for word in ("init", "repro"))
    for words in (["git", "init", "-q"], dvc_init, dvc_repro, ["git", "add", "."], commit, clone):
        subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "clone"


@pytest.mark.slow
def test_a_fresh_lock_passes_without_the_data(repository, capsys):
    assert not (repository / "out.txt").exists()
    check.check_lock(repository)
    assert "the lock is fresh" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("file", "text"), [("params.yaml", "n: 2\n"), ("in.txt", "2")])
def test_a_lock_that_is_behind_parameters_or_code_fails(repository, file, text):
    (repository / file).write_text(text)
    with pytest.raises(UserError, match=r"dvc\.lock is stale; run `dvc repro` and commit"):
        check.check_lock(repository)


@pytest.mark.slow
def test_the_pipeline_runs_anew_though_its_result_is_there_and_a_failure_is_reported(repository):
    subprocess.run([*check.DVC, "repro", "-q"], cwd=repository, check=True)
    (repository / "log.txt").unlink(missing_ok=True)
    check.run_anew(repository)
    assert (repository / "log.txt").read_text() == "ran\n"
    (repository / "in.txt").unlink()
    with pytest.raises(UserError, match="the pipeline fails in a fresh clone"):
        check.run_anew(repository)
