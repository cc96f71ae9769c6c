import os
import time

import pytest
import torch

from roadseg.pipeline.errors import UserError
from roadseg.training.saved import Saved, claim


def test_the_latest_step_is_the_one_that_counts(tmp_path):
    saved = Saved(tmp_path / "x")
    assert saved.latest() is None
    for step in ((0, 9, 0), (0, 10, 2), (1, 1, 0)):
        saved.save(step, {"step": list(step), "tensor": torch.arange(3)})
    assert saved.latest()["step"] == [1, 1, 0]
    assert torch.equal(saved.latest()["tensor"], torch.arange(3))
    assert len(list((tmp_path / "x").iterdir())) == 1
    saved.remove()
    assert saved.latest() is None
    assert not (tmp_path / "x").exists()


def test_a_step_counts_once_all_processes_have_saved_it(tmp_path):
    first, second = (Saved(tmp_path, rank, world=2) for rank in range(2))
    first.save((1,), {"of": 0})
    assert first.latest() is None
    second.save((1,), {"of": 1})
    with pytest.raises(RuntimeError, match="killed"):  # before the second process has saved
        Saved(tmp_path, 0, 2, wait_for_all=kill).save((2,), {"of": 2})
    assert first.latest() == {"of": 0}
    assert second.latest() == {"of": 1}
    second.save((2,), {"of": 3})
    assert (first.latest(), second.latest()) == ({"of": 2}, {"of": 3})


def kill():
    raise RuntimeError("killed")


def test_half_a_file_does_not_count(tmp_path):
    saved = Saved(tmp_path)
    saved.save((1,), {"a": 1})
    (tmp_path / ".0.new").write_bytes(b"half")
    assert saved.latest() == {"a": 1}
    saved.save((2,), {"a": 2})
    assert saved.latest() == {"a": 2}


def test_nothing_in_a_file_is_run(tmp_path):
    saved = Saved(tmp_path)
    torch.save({"a": os.getcwd}, tmp_path / "1-0.pt")
    with pytest.raises(Exception, match="Weights only load failed"):
        saved.latest()


def test_without_a_folder_nothing_is_kept():
    saved = Saved(None)
    saved.save((1,), {"a": 1})
    assert saved.latest() is None
    saved.remove()


def test_a_state_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/x: the state of the training can't be kept \(.*\); free some space"):
        Saved(tmp_path / "file" / "x").save((1,), {"a": 1})


def test_one_training_at_a_time_has_a_folder_and_old_ones_go(tmp_path):
    old = tmp_path / "trainings" / "old"
    old.mkdir(parents=True)
    os.utime(old, (time.time() - 31 * 24 * 3600,) * 2)
    lock = claim(tmp_path / "trainings" / "new")
    assert lock
    assert claim(tmp_path / "trainings" / "new") is None
    assert claim(tmp_path / "trainings" / "other")
    lock.release()
    assert claim(tmp_path / "trainings" / "new")
    assert not old.exists()
    (tmp_path / "file").write_text("")
    assert claim(tmp_path / "file" / "new") is None
