import io
import os
import random
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from roadseg.data.archives import open_tree
from roadseg.pipeline.errors import UserError


def write_zip(path: Path, *members: str | zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, b"some bytes")
    return path


def names_in(path: Path) -> list[str]:
    with open_tree(path) as tree:
        return tree.names


def refusal(path: Path) -> str:
    """Open an archive that can't be read, and give the line that says so."""

    def read_all() -> None:
        with open_tree(path) as tree:
            for name in tree.names:
                tree.read(name)

    with pytest.raises(UserError) as caught:
        read_all()
    assert "\n" not in str(caught.value)
    return str(caught.value)


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


def as_link(name: str) -> zipfile.ZipInfo:
    link = zipfile.ZipInfo(name)
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return link


DANGERS = dict.fromkeys(("../out.png", "a/../../out.png", "/etc/a", "C:/out.png"), "leads outside of the archive")


@pytest.mark.parametrize(
    ("member", "reason"),
    [*DANGERS.items(), ("a\\..\\out.png", "leads outside of the archive"), (as_link("a.png"), "is a symbolic link")],
)
def test_a_zip_that_is_not_safe(tmp_path: Path, member: str | zipfile.ZipInfo, reason: str) -> None:
    archive = write_zip(tmp_path / "x.zip", "good.png", member)
    name = member if isinstance(member, str) else member.filename
    assert refusal(archive) == f"{archive}: {name!r} {reason}; nothing was read from it; do not trust it"


def encrypted(data: bytes) -> bytes:
    flags = data.index(b"PK\x01\x02") + 8  # in the central directory
    return data[:flags] + bytes([data[flags] | 1]) + data[flags + 1 :]


DAMAGED = r"x\.zip: damaged, or not a zip archive .*; delete the zip and get it again"
LATE = r"x\.zip: a\.png begins 30 bytes before the file does: damaged; delete the zip and get it again$"
OTHER = "archive, which can't be read here; unpack it and name"
SPOILED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "encrypted": (encrypted, r"'a\.png' is encrypted; nothing was read from it"),
    "empty": (lambda _: b"", DAMAGED),
    "10 bytes": (lambda data: data[:10], DAMAGED),
    "70 bytes": (lambda data: data[:70], DAMAGED),
    "no beginning": (
        lambda data: data[30:],
        r"x\.zip: a\.png begins 30 bytes before the file does: damaged; delete the",
    ),
    "7z": (lambda _: b"7z\xbc\xaf\x27\x1c" + bytes(100), rf"x\.zip is a 7z {OTHER}"),
    "RAR": (lambda _: b"Rar!\x1a\x07" + bytes(100), rf"x\.zip is a RAR {OTHER}"),
}


@pytest.mark.parametrize(("spoil", "line"), SPOILED.values(), ids=SPOILED)
def test_a_spoiled_zip(tmp_path: Path, spoil: Callable[[bytes], bytes], line: str) -> None:
    archive = write_zip(tmp_path / "x.zip", "a.png", "b.png")
    archive.write_bytes(spoil(archive.read_bytes()))
    assert re.search(line, refusal(archive))


NAMES = {
    "made on Windows": (["training\\", "training\\image\\a.png", "training\\Thumbs.db"], ["training/image/a.png"]),
    "a backslash beside slashes": (["training/a\\b.png"], ["training/a\\b.png"]),
    "dots": (["./training//a.png", "training/./b.png"], ["training/a.png", "training/b.png"]),
}


@pytest.mark.parametrize(("members", "names"), NAMES.values(), ids=NAMES)
def test_names_in_a_zip(tmp_path: Path, members: list[str], names: list[str]) -> None:
    with open_tree(write_zip(tmp_path / "x.zip", *members)) as tree:
        assert tree.names == names
        assert tree.read(names[0]) == b"some bytes"


def test_a_name_twice(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", "a/b.png", "./a/b.png")
    assert refusal(archive) == f"{archive}: a/b.png is in it twice; zip it again"


@pytest.mark.parametrize(("method", "name"), [(9, "Deflate64"), (98, "PPMd"), (93, "Zstandard"), (77, "method 77")])
def test_a_method_that_cannot_be_unpacked(tmp_path: Path, method: int, name: str) -> None:
    archive = write_zip(tmp_path / "x.zip", "a.png", "b.png")
    data = bytearray(archive.read_bytes())
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        found = -1
        while (found := data.find(mark, found + 1)) >= 0:
            data[found + at] = method
    archive.write_bytes(data)
    remedy = "which can't be read here; unpack it and name the folder, or zip it again"
    assert refusal(archive) == f"{archive}: a.png is packed by {name}, {remedy}"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
def test_damage_in_each_method_is_a_line(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.writestr("a.png", os.urandom(1000))
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[50:90] = bytes(40)
    (tmp_path / "x.zip").write_bytes(data)
    assert "a.png: damaged, or not a zip archive" in refusal(tmp_path / "x.zip")


def test_something_before_a_zip_does_no_harm(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", "a.png")
    archive.write_bytes(b"x" * 100 + archive.read_bytes())
    with open_tree(archive) as tree:
        assert tree.read("a.png") == b"some bytes"


def test_a_member_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("bomb.png", "w") as member:
            for _ in range(513):
                member.write(bytes(2**20))
        archive.writestr("small.png", b"some bytes")
    with open_tree(tmp_path / "x.zip") as tree:
        assert tree.read("small.png") == b"some bytes"
        with pytest.raises(
            UserError, match=r"x\.zip/bomb\.png has 513 MiB, and a picture may have 512; save it smaller"
        ):
            tree.read("bomb.png")


def test_a_member_that_is_larger_than_its_header_says(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(2**24))
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data.replace((2**24).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    assert "bomb.png: damaged, or not a zip archive (Bad CRC-32" in refusal(tmp_path / "x.zip")


def write_tar(path: Path, *members: str | tarfile.TarInfo, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for member in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            content = b"some bytes of " + info.name.encode()
            info.size = len(content) if info.isfile() else 0
            archive.addfile(info, io.BytesIO(content))
    return path


TARS = {"x.tar": "w", "x.tar.gz": "w:gz", "x.tgz": "w:gz", "x.tar.bz2": "w:bz2", "x.tar.xz": "w:xz", "download": "w"}


@pytest.mark.parametrize(("name", "mode"), TARS.items())
def test_a_tar_reads_like_a_folder(tmp_path: Path, name: str, mode: str) -> None:
    long = f"training/{'x' * 150}.png"
    archive = write_tar(tmp_path / name, "./training/b.png", "training/a.png", long, "training/._a.png", mode=mode)
    with open_tree(archive) as tree:
        assert tree.names == ["training/a.png", "training/b.png", long]
        assert tree.read("training/b.png") == b"some bytes of ./training/b.png"
        assert tree.read("training/a.png") == b"some bytes of training/a.png"
        assert tree.show("training/a.png") == f"{archive}/training/a.png"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("name", ["../out.png", "training/../../out.png", "/etc/out.png"])
def test_a_tar_that_leads_outside(tmp_path: Path, name: str, mode: str) -> None:
    archive = write_tar(tmp_path / "x.tar", "good.png", name, mode=mode)
    assert (
        refusal(archive)
        == f"{archive}: {name!r} leads outside of the archive; nothing was read from it; do not trust it"
    )


KINDS = {
    tarfile.SYMTYPE: "a link",
    tarfile.LNKTYPE: "a link",
    tarfile.CHRTYPE: "a device, a pipe or a sparse file",
    tarfile.FIFOTYPE: "a device, a pipe or a sparse file",
}


@pytest.mark.parametrize(("kind", "words"), KINDS.items())
def test_a_tar_with_more_than_files(tmp_path: Path, kind: bytes, words: str) -> None:
    member = tarfile.TarInfo("a.png")
    member.type, member.linkname = kind, "/etc/passwd"
    assert f"'a.png' is {words}; nothing was read from it" in refusal(write_tar(tmp_path / "x.tar", member))


@pytest.mark.parametrize(("name", "mode"), TARS.items())
@pytest.mark.parametrize("keep", [7, 35, 63, 91])
def test_a_cut_tar(tmp_path: Path, name: str, mode: str, keep: int) -> None:
    names = [f"{random.Random(number).randbytes(90).hex()}.png" for number in range(12)]
    archive = write_tar(tmp_path / name, *names, mode=mode)
    data = archive.read_bytes()
    whole = len(data) if ":" in mode else len(data) - tarfile.RECORDSIZE  # nothing is lost with zeros at the end
    archive.write_bytes(data[: keep * whole // 100])
    assert "damaged, or not a tar archive" in refusal(archive)


def test_a_compressed_file_that_is_no_tar(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b and no more")
    assert "x.tar.gz: damaged, or not a tar archive" in refusal(tmp_path / "x.tar.gz")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_large_file_in_a_tar_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    archive = write_tar(tmp_path / "x.tar", "a.png", "a-longer-name.png", mode=mode)
    for module in ("roadseg.data.archives", "roadseg.frames.images"):
        monkeypatch.setattr(f"{module}.MAX_BYTES", 25)
    with open_tree(archive) as tree:
        assert tree.read("a.png") == b"some bytes of a.png"
        with pytest.raises(UserError, match=r"a-longer-name\.png has 0 MiB, and a picture may have 0; save it smaller"):
            tree.read("a-longer-name.png")


def test_a_tar_that_grows_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(tmp_path / "x.tgz", "w:gz") as archive:
        for number in range(10):
            info = tarfile.TarInfo(f"{number}.png")
            info.size = 2**20
            archive.addfile(info, io.BytesIO(bytes(2**20)))
    monkeypatch.setattr("roadseg.data.archives.MAX_BYTES", 2**20)
    assert "x.tgz: unpacks to more than 100 times its size; do not trust it" in refusal(tmp_path / "x.tgz")


@pytest.mark.timeout(10)
def test_links_in_a_folder(tmp_path: Path) -> None:
    for name in ("real/a.png", "mine/training/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"some bytes")
    mine = tmp_path / "mine"
    (mine / "linked").symlink_to("../real")
    for number in range(3):  # each way round leads to three more
        (mine / f"training/up{number}").symlink_to("..")
    (mine / "training/self.png").symlink_to("self.png")
    (mine / "training/gone.png").symlink_to("nowhere.png")
    ups = [f"training/up{number}/" for number in range(3)]
    assert names_in(mine) == sorted(["linked/a.png", "training/b.png", "training/self.png", "training/gone.png", *ups])
    with open_tree(mine) as tree:
        assert tree.read("linked/a.png") == b"some bytes"
        with pytest.raises(UserError, match=r"self\.png is a link that leads back to itself; remove it"):
            tree.read("training/self.png")
        with pytest.raises(UserError, match=r"gone\.png is a broken link to nowhere\.png; repair it, or remove it"):
            tree.read("training/gone.png")


@pytest.mark.timeout(10)
def test_what_is_no_folder_and_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == f"{tmp_path}/pipe is a named pipe; name a folder, a zip or a tar"
    assert refusal(Path("/dev/zero")) == "/dev/zero is a device; name a folder, a zip or a tar"
    (tmp_path / "mine").mkdir()
    os.mkfifo(tmp_path / "mine/a.png")
    assert "mine/a.png is a named pipe, not a file; put a file there, or remove it" in refusal(tmp_path / "mine")
