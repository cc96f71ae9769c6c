"""What a file that should hold weights is, known by its first bytes: how to read it, or what to do instead."""

import re
import stat
import zipfile
from pathlib import Path
from typing import Literal

from roadseg.data.download import kind_of_message
from roadseg.pipeline.errors import UserError

Kind = Literal["safetensors", "zip", "pickle", "index"]

_MOST_PICKLE = 2 << 30  # bytes of a pickle that has to be read as a whole: of a file of before torch 1.6
_MOST_TEXT = 100 << 20  # bytes of what is read beside the tensors: the pickle in a zip, the index of shards
_ENDINGS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt")

_OTHER_MODES = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_OTHER_STARTS = (
    (rb"version https://git-lfs", "a pointer of Git LFS, not the weights; run `git lfs pull` where it comes from"),
    (rb"(outs|md5):", "a pointer of DVC, not the weights; run `dvc pull` where it comes from"),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras, TensorFlow); give weights of the same network saved by PyTorch"),
    (rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]", "an ONNX file; give the state dict that it was exported from"),
    (rb"....TFL3", "a TensorFlow Lite file; give weights of the same network saved by PyTorch"),
    (rb"GGUF", "a GGUF file, whose tensors are quantised; give the weights that it was made from"),
    (rb"\x93NUMPY", "a NumPy array; give a state dict saved by PyTorch"),
    (
        rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!|.{257}ustar",
        "an archive; unpack it, and give the file",
    ),
    (rb"\x89PNG|\xff\xd8\xff|%PDF|GIF8", "a picture or a document, not weights; get the file itself"),
)
_OTHER_ZIPS = (
    (
        r"[^/]+/(constants\.pkl|code/.+)",
        "a TorchScript file; save its tensors, torch.save(torch.jit.load(FILE).state_dict(), NEW), and give that file",
    ),
    (
        r".+/archive_format",
        "an exported program; save its tensors, torch.save(torch.export.load(FILE).state_dict, NEW); give that file",
    ),
    (r"(.*/)?model\.weights\.h5", "a Keras file; give weights of the same network saved by PyTorch"),
)


def kind_of(path: Path) -> Kind:
    """Return how the file of weights at `path` is written.

    Looks at no more than its kind, its size, its start and a zip's list of contents.
    Raises UserError, which says what `path` is if it is not such a file, and what to do.
    """
    _check_mode(path)
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise UserError(f"{path} is empty; get the file again")
    if kind_of_message(start) == "a web page":  # JSON may be the index of shards
        raise UserError(f"{path} is a web page, not weights; get the file itself")
    for pattern, what in _OTHER_STARTS:
        if re.match(pattern, start, re.DOTALL):
            raise UserError(f"{path} is {what}")
    if start[5:9] == b"\0\0\0{":  # the length of the header as 8 bytes, little end first, then JSON
        return "safetensors"
    if start.startswith(b"PK\x03\x04"):
        _check_zip(path)
        return "zip"
    if start.lstrip().startswith(b"{"):
        _check_size(path, _MOST_TEXT, "text; give the weights themselves")
        return "index"
    if start.startswith(b"\x80"):
        _check_size(path, _MOST_PICKLE, "a pickle that must be read as a whole; save it with a torch of today")
        return "pickle"
    raise _broken(path)


def _check_mode(path: Path) -> None:
    mode = path.stat().st_mode  # of what a link leads to
    for is_other, what in _OTHER_MODES:
        if is_other(mode):
            raise UserError(f"{path} is {what}, not a file; give the path of a file of weights")
    if stat.S_ISDIR(mode):
        raise UserError(f"{path} is a folder; {_in_folder(path)}")


def _in_folder(path: Path) -> str:
    """Say which file in a folder to give instead of it."""
    names = sorted(file.name for file in path.iterdir())
    if "data.pkl" in names:
        return "it is the unpacked file of weights; get that file again and do not unpack it"
    if ".metadata" in names:
        return "it is a distributed checkpoint; make one file of it with `dcp_to_torch_save`"
    index = [name for name in names if name.endswith(".index.json")]
    found = (index or [name for name in names if name.endswith(_ENDINGS)])[:3]
    return f"give the path of the weights in it, such as {', '.join(found)}" if found else "no weights are in it"


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise _broken(path) from None
    names = [member.filename for member in members]
    for pattern, what in _OTHER_ZIPS:
        if any(re.fullmatch(pattern, name) for name in names):
            raise UserError(f"{path} is {what}")
    pickles = [member for member in members if re.fullmatch(r"[^/]+/data\.pkl", member.filename)]
    if not pickles:
        raise UserError(f"{path} is a zip of something else ({', '.join(names[:3])}); unpack it, and give the weights")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise UserError(f"{path} has been packed once more; get the file again, or save the state dict again")
    if pickles[0].file_size > _MOST_TEXT:
        raise UserError(f"{path} holds {pickles[0].file_size >> 20} MiB beside its tensors; save the state dict alone")


def _check_size(path: Path, most: int, what: str) -> None:
    size = path.stat().st_size
    if size > most:
        raise UserError(f"{path} is {size >> 20} MiB of {what}, or as safetensors (at most {most >> 20} MiB are read)")


def _broken(path: Path) -> UserError:
    return UserError(f"{path} is broken, cut short or not a file of tensors; get the file again")
