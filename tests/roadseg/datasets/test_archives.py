import stat
import zipfile
from pathlib import Path

import pytest

from roadseg.datasets.archives import open_tree
from roadseg.errors import UserError


def write_zip(path: Path, *members: str | zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, b"some bytes")
    return path


def test_folder_and_zip_read_alike(tmp_path: Path) -> None:
    names = ["training/a.txt", "training/deep/b.txt"]
    junk = ["__MACOSX/training/a.txt", "training/.DS_Store", "Thumbs.db", "colors.txt"]
    for name in names + junk:
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(b"some bytes")
    archive = write_zip(tmp_path / "x.zip", "training/deep/", *names, *junk)
    for path in (tmp_path / "folder", archive):
        with open_tree(path) as tree:
            assert tree.names == names
            assert tree.read("training/deep/b.txt") == b"some bytes"
            assert tree.show("training/a.txt") == f"{path}/training/a.txt"


OUTSIDE = ["../out.png", "training/../../out.png", "/etc/out.png", "a\\..\\out.png", "C:/out.png"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_member_that_leads_outside(tmp_path: Path, name: str) -> None:
    archive = write_zip(tmp_path / "x.zip", "good.png", name)
    with pytest.raises(UserError, match=r"x\.zip: .*out\.png' leads outside of the archive"), open_tree(archive):
        pass


def test_symbolic_link(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("training/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive = write_zip(tmp_path / "x.zip", link)
    with pytest.raises(UserError, match=r"'training/link\.png' is a symbolic link"), open_tree(archive):
        pass


def test_encrypted_member(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", "a.png")
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the flags in the central directory
    archive.write_bytes(data)
    with pytest.raises(UserError, match=r"'a\.png' is encrypted"), open_tree(archive):
        pass


@pytest.mark.parametrize("keep", [0, 10, 70])
def test_truncated_zip(tmp_path: Path, keep: int) -> None:
    archive = write_zip(tmp_path / "x.zip", "a.png", "b.png")
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"x\.zip: damaged, or not a zip archive .*; delete the zip and get it again"):
        open_tree(archive).__enter__()


def test_damaged_member(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", "a.png")
    archive.write_bytes(archive.read_bytes().replace(b"some bytes", b"same bytes"))
    with open_tree(archive) as tree, pytest.raises(UserError, match=r"x\.zip/a\.png: damaged, .*Bad CRC-32"):
        tree.read("a.png")


def test_missing_source(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.zip does not exist"), open_tree(tmp_path / "none.zip"):
        pass
