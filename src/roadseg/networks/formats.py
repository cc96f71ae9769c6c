"""How a file of weights is written, known by its first bytes; for a file of anything else what to do instead."""

import re
import stat
import zipfile
from pathlib import Path
from typing import Literal

from roadseg.pipeline.errors import UserError

Format = Literal["safetensors", "zip", "pickle"]

_MOST_PICKLE = 2 << 30  # bytes of a pickle that has to be read as a whole: of a file of before torch 1.6
_MOST_OBJECTS = 100 << 20  # bytes of the pickle in a zip, which is read beside the tensors
_ENDINGS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt")

_SAVED_BY_TORCH = "give weights of the same network saved by PyTorch"
_OTHER_STARTS = {
    rb"(\xef\xbb\xbf)?\s*<": "a web page, not weights; get the file itself",
    rb"\s*[{\[]": "text, not weights; get the file itself, or weights in one file where this is the index of several",
    rb"version https://git-lfs": "a pointer of Git LFS, not the weights; run `git lfs pull` where it comes from",
    rb"(outs|md5):": "a pointer of DVC, not the weights; run `dvc pull` where it comes from",
    rb"\x89HDF\r\n\x1a\n": f"an HDF5 file (Keras, TensorFlow); {_SAVED_BY_TORCH}",
    rb"\x08[\x01-\x20][\x12\x1a\x22\x28\x32\x3a\x42]": "an ONNX file; give the state dict that it was exported from",
    rb"....TFL3": f"a TensorFlow Lite file; {_SAVED_BY_TORCH}",
    rb"GGUF": f"a GGUF file, whose tensors are quantised; {_SAVED_BY_TORCH}",
    rb"\x93NUMPY": f"a NumPy array; {_SAVED_BY_TORCH}",
    rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!|.{257}ustar": "an archive; unpack it, and give the file",
    rb"\x89PNG|\xff\xd8\xff|%PDF|GIF8": "a picture or a document, not weights; get the file itself",
}
_OTHER_ZIPS = {
    r"[^/]+/(constants\.pkl|code/.+)": "a TorchScript file; save its tensors, "
    "torch.save(torch.jit.load(FILE).state_dict(), NEW), and give that file",
    r".+/archive_format": "an exported program; save its tensors, "
    "torch.save(torch.export.load(FILE).state_dict, NEW), and give that file",
    r"(.*/)?model\.weights\.h5": f"a Keras file; {_SAVED_BY_TORCH}",
}


def format_of(path: Path) -> Format:
    """Return how the file of weights at `path` is written.

    Looks at no more than its kind, its size, its start and a zip's list of contents.
    Raises UserError, which says what `path` is if it is not such a file, and what to do.
    """
    mode = path.stat().st_mode  # of what a link leads to
    if stat.S_ISDIR(mode):
        raise UserError(f"{path} is a folder; {_in_folder(path)}")
    if not stat.S_ISREG(mode):  # reading it could block, or never end
        raise UserError(f"{path} is a pipe, socket or device, not a file; give the path of a file of weights")
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise UserError(f"{path} is empty; get the file again")
    for pattern, what in _OTHER_STARTS.items():
        if re.match(pattern, start, re.DOTALL):
            raise UserError(f"{path} is {what}")
    if start[5:9] == b"\0\0\0{":  # the length of the header as 8 bytes, little end first, then JSON
        return "safetensors"
    if start.startswith(b"PK\x03\x04"):
        _check_zip(path)
        return "zip"
    if start.startswith(b"\x80"):
        if (size := path.stat().st_size) > _MOST_PICKLE:
            raise UserError(
                f"{path} is a pickle of {size >> 20} MiB, to be read as a whole (at most {_MOST_PICKLE >> 20} are); "
                "save it with a torch of today"
            )
        return "pickle"
    raise _broken(path)


def _in_folder(path: Path) -> str:
    """Say which file in a folder to give instead of it."""
    found = sorted(file.name for file in path.iterdir() if file.suffix in _ENDINGS)[:3]
    return f"give the path of the weights in it, such as {', '.join(found)}" if found else "no weights are in it"


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise _broken(path) from None
    names = [member.filename for member in members]
    for pattern, what in _OTHER_ZIPS.items():
        if any(re.fullmatch(pattern, name) for name in names):
            raise UserError(f"{path} is {what}")
    pickles = [member for member in members if re.fullmatch(r"[^/]+/data\.pkl", member.filename)]
    if not pickles:
        raise UserError(f"{path} is a zip of something else ({', '.join(names[:3])}); unpack it, and give the weights")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise UserError(f"{path} has been packed once more; get the file again, or save the state dict again")
    if pickles[0].file_size > _MOST_OBJECTS:
        raise UserError(f"{path} holds {pickles[0].file_size >> 20} MiB beside its tensors; save the state dict alone")


def _broken(path: Path) -> UserError:
    return UserError(f"{path} is broken, cut short or not a file of tensors; get the file again")
