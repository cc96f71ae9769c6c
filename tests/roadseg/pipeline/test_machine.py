"""Facts of the machine come from the environment, and a value that is none is reported."""

import os
from pathlib import Path

import pytest

from roadseg.pipeline.errors import UserError
from roadseg.pipeline.machine import num_devices, num_workers, processor_name, share_of_cores, store_folder


def test_the_store_is_where_the_environment_says_else_in_the_users_cache(monkeypatch):
    monkeypatch.setenv("ROADSEG_STORE", "/big/disk")
    assert store_folder() == Path("/big/disk")
    monkeypatch.setenv("ROADSEG_STORE", "~/disk")
    assert store_folder() == Path.home() / "disk"
    monkeypatch.delenv("ROADSEG_STORE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert store_folder() == Path.home() / ".cache" / "roadseg"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert store_folder() == Path("/elsewhere/roadseg")


@pytest.mark.parametrize("text", ["~nobody-here/store", None])
def test_a_store_without_a_home_is_refused(monkeypatch, text):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("ROADSEG_STORE", raising=False)
    if text:
        monkeypatch.setenv("ROADSEG_STORE", text)
    else:
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what Python gives for an unknown user
    with pytest.raises(UserError, match="no home folder is known; set ROADSEG_STORE to a folder that can be written"):
        store_folder()


@pytest.mark.parametrize(
    ("variable", "count", "what"),
    [("ROADSEG_WORKERS", num_workers, "processes"), ("ROADSEG_DEVICES", num_devices, "devices")],
)
def test_numbers_are_read_and_others_refused(monkeypatch, variable, count, what):
    monkeypatch.setenv(variable, "3")
    assert count() == 3
    for text in ("many", "0", "-1", "1.5", "²"):
        monkeypatch.setenv(variable, text)
        with pytest.raises(UserError, match=f"{variable}: '{text}' is not a number of {what}; set it to 1 or more"):
            count()


def test_by_default_one_device_and_a_worker_per_core_up_to_8(monkeypatch):
    for variable in ("ROADSEG_WORKERS", "ROADSEG_DEVICES"):
        monkeypatch.delenv(variable, raising=False)
    assert num_devices() == 1
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert num_workers() == 8


def test_a_share_of_the_cores_bounds_threads_and_workers():
    assert share_of_cores(3) == {"OMP_NUM_THREADS": "3", "ROADSEG_WORKERS": "3"}


def test_a_processor_has_the_name_that_the_system_gives(monkeypatch):
    text = "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 3: GHz\n\nmodel name\t: Another\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert processor_name() == "Some CPU @ 3: GHz"
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "Hardware\t: board\n")
    assert processor_name() == "arm64"
