"""As many loader processes as the memory that processes share has room for."""

import sys

import pytest

from roadseg.frames import shared_memory as module
from roadseg.frames.shared_memory import free_shared_memory, shortage, workers_that_fit

SLOT = 24_576  # bytes


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (5 * SLOT, (2, 2)),
        (5 * SLOT - 1, (2, 1)),
        (3 * SLOT, (2, 1)),
        (3 * SLOT - 1, (1, 1)),
        (2 * SLOT, (1, 1)),
        (2 * SLOT - 1, (0, 0)),
        (-(2**20), (0, 0)),
    ],
)
def test_as_many_workers_as_shared_memory_has_room_for(room, expected):
    assert workers_that_fit(2, SLOT, 2**20 + room) == expected
    assert workers_that_fit(2, SLOT, None) == (2, 2)


@pytest.mark.parametrize(("platform", "room"), [("linux", 0), ("darwin", None)])
def test_no_folder_of_shared_memory(monkeypatch, tmp_path, platform, room):
    monkeypatch.setattr(module, "_SHARED_MEMORY", tmp_path / "none")
    monkeypatch.setattr(sys, "platform", platform)
    assert free_shared_memory() == room


def test_no_shortage_is_told_where_all_have_room():
    assert shortage(2, 2) == ""
    assert "the training makes the batches" in shortage(0, 2)
