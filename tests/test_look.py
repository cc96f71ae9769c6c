"""The command `look.py` makes a page of any folder that was fetched, and says in one line what is missing."""

import sys
from itertools import pairwise

import pytest
from conftest import write_seg_data

import look
from roadseg.pipeline.errors import UserError


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["look.py", *map(str, words)])
    look.main()


def test_it_makes_the_page_of_a_folder(tmp_path, monkeypatch, capsys):
    write_seg_data(tmp_path / "mine")
    call(monkeypatch, "--data", tmp_path / "mine", "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/webp;base64,") == 2 * 6
    assert "page.html" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "page.html"]


@pytest.mark.parametrize("count", [1, 12, 23, 28, 35, 200])
def test_the_frames_shown_are_spread_over_all(count):
    shown = [int(row["frame"]) for row in look.spread([{"frame": str(i)} for i in range(count)], 12)]
    gaps = [shown[0] + 0.5, *(after - before for before, after in pairwise(shown)), count - 0.5 - shown[-1]]
    assert len(shown) == min(count, 12)
    assert max(gaps[1:-1], default=1) - min(gaps[1:-1], default=1) <= 1
    assert max(gaps[0], gaps[-1]) <= max(gaps[1:-1], default=1)


def test_a_folder_to_write_to_is_refused(tmp_path, monkeypatch):
    write_seg_data(tmp_path / "mine")
    with pytest.raises(UserError, match=r"^--out .*mine is a folder; name a file$"):
        call(monkeypatch, "--data", tmp_path / "mine", "--out", tmp_path / "mine")


def test_a_page_of_other_data_does_not_replace_the_pipelines(tmp_path, monkeypatch):
    write_seg_data(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^--data mine needs --out FILE: data/look is of data/seg_data$"):
        call(monkeypatch, "--data", "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_without_splits_is_named(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"none has no splits\.json; run `dvc repro fetch_data`"):
        call(monkeypatch, "--data", tmp_path / "none", "--out", tmp_path / "page.html")
