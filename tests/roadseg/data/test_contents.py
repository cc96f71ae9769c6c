"""Each frame is read once, and what it holds is what its files hold."""

import json

import pytest
from conftest import write_seg_data

from roadseg.data.contents import read_contents
from roadseg.frames.files import split_files
from roadseg.frames.images import read_label
from roadseg.pipeline.errors import UserError


def test_contents_are_those_of_the_files(tmp_path):
    write_seg_data(tmp_path)
    files = split_files(tmp_path, json.loads((tmp_path / "splits.json").read_text()), "train")
    contents = read_contents(files)
    assert [one.size for one in contents] == [(32, 48)] * 3
    for file, one in zip(files, contents, strict=True):
        label = read_label(file.label)
        assert one.pixels.tolist() == [int((label == value).sum()) for value in range(256)]
    assert len({one.known_by.pixels for one in contents}) == 3
    files[0].label.write_bytes(b"")
    with pytest.raises(UserError, match=r"000000_10\.png"):
        read_contents(files)
