"""Pictures and label maps: read, checked, decoded, resized and written, with an error for each way a file can be wrong.

No pipe, device or bomb is ever read: a file's kind, size and header are looked at first. As the stages write them,
labels are 8-bit grey PNGs of class ids. Where they come from they may hold other values, or be palette PNGs, whose
indices count.
"""

import errno
import stat
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from roadseg.frames.classes import IGNORE_INDEX, NAMES
from roadseg.frames.headers import Picture, read_header, unreadable, without_palette
from roadseg.pipeline.errors import UserError, printable

MAX_BYTES = 2**29  # of a file that holds one picture, in a folder or in an archive
JPEG_QUALITY = 95

_LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini"}  # left behind by desktops, whatever the folder is for
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)
_SHOWN = 5  # values that a message names
# label maps are large even areas: predicted from the row above they decode 3 times faster than by OpenCV's default
_ENCODING = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
    ".png": [
        *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
        *(cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_DEFAULT),
    ],
}


def is_litter(name: str) -> bool:
    """Return whether a slashed name is of a hidden file, or of what desktops leave behind."""
    return any(part in _LITTER or (part.startswith(".") and part != "..") for part in PurePosixPath(name).parts)


def kind_of(path: Path) -> str:
    """Return what a path leads to: `a file`, `a folder`, `a named pipe`, `a device`, `a socket`, or nothing: "".

    Raises UserError for a link that is broken or leads back to itself.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UserError(f"{printable(path)} is a link that leads back to itself; remove it") from None
        if path.is_symlink():
            target = printable(path.readlink())
            raise UserError(f"{printable(path)} is a broken link to {target}; repair it, or remove it") from None
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return ""
        raise
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "a file")


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; UserError where it is too large or no file, OSError where it can't be read."""
    if (kind := kind_of(path)) not in ("a file", ""):
        raise UserError(f"{printable(path)} is {kind}, not a file; put a file there, or remove it")
    check_size(path.stat().st_size, printable(path))
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)  # it may have grown since
    check_size(len(data), printable(path))
    return data


def check_size(size: int, name: str) -> None:
    """Raise a UserError where a file of so many bytes is too large to be read."""
    if size > MAX_BYTES:
        raise UserError(
            f"{name} has {size / 2**20:.0f} MiB, and a picture may have {MAX_BYTES // 2**20}; save it smaller"
        )


def read_image(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB; UserError where it can't be read."""
    name = printable(path)
    return decode_image(read_header(read_bytes(path), name), name)


def read_label(path: Path) -> np.ndarray:
    """Read a label map as (H, W) uint8; UserError where it can't be read or isn't an 8-bit grey PNG."""
    name = printable(path)
    return decode_label(read_header(read_bytes(path), name), name)


def decode_image(picture: Picture, name: str) -> np.ndarray:
    """Return a picture as (H, W, 3) uint8 RGB, as its file has it, not turned; UserError where it can't be decoded."""
    return _decode(picture, name, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)


def decode_label(picture: Picture, name: str, hint: str = "") -> np.ndarray:
    """Return a label map as (H, W) uint8; UserError where it can't be decoded or isn't an 8-bit grey PNG."""
    if picture.kind != "PNG":
        raise UserError(f"{name} is a {picture.kind}, which alters values; save train ids as a grey PNG")
    if picture.palette:
        raise UserError(f"{name} is a palette PNG; save train ids as grey values{hint}")
    if picture.channels != 1:
        raise UserError(f"{name} has {picture.channels} channels; save train ids as one grey channel{hint}")
    if picture.bits != 8:
        raise UserError(f"{name} has {picture.bits} bits a pixel; save train ids with 8")
    return _decode(picture, name, cv2.IMREAD_UNCHANGED)


def decode_indices(picture: Picture, name: str) -> np.ndarray:
    """Return a palette PNG's indices as (H, W) uint8; of a grey one its values. UserErrors as of `decode_label`."""
    if not picture.palette or picture.bits == 8:
        return decode_label(without_palette(picture, name), name)
    spread = _decode(without_palette(picture, name), name, cv2.IMREAD_UNCHANGED)  # 1, 2 and 4 bits over 0..255
    return spread // (255 // (2**picture.bits - 1))


def _decode(picture: Picture, name: str, flags: int) -> np.ndarray:
    # from memory: cv2.imread would turn a missing file, a directory and a broken picture into the same None
    try:
        image = cv2.imdecode(np.frombuffer(picture.data, dtype=np.uint8), flags)
    except cv2.error:
        image = None
    if image is None or image.shape[:2] != (picture.height, picture.width):
        raise unreadable(name)
    return image


@dataclass(frozen=True)
class Values:
    """What the values in a label file mean."""

    train_ids: np.ndarray  # (256,) int16: the train id of each value, -1 where the value may not occur
    allowed: str  # the same in words, with the remedy
    indices: bool = False  # whether a palette PNG may hold them as its indices
    hint: str = ""  # what else a user may do about a file of another form


def plain_ids(num_classes: int) -> Values:
    """Return the meaning of labels that hold the ids of so many classes, and 255."""
    table = np.full(256, -1, dtype=np.int16)
    table[:num_classes] = np.arange(num_classes)
    table[IGNORE_INDEX] = IGNORE_INDEX
    return Values(table, f"save train ids: 0..{num_classes - 1}, and {IGNORE_INDEX} for pixels without a class")


def check_values(present: Collection[int], values: Values, name: str) -> None:
    """Raise a UserError where a label holds values that may not occur in it."""
    if unknown := sorted(value for value in present if values.train_ids[value] < 0):
        more = f" and {len(unknown) - _SHOWN} more values" if len(unknown) > _SHOWN else ""
        raise UserError(f"{name} holds {', '.join(map(str, unknown[:_SHOWN]))}{more}; {values.allowed}")


def check_no_masks(present: Collection[int], where: str, names: Sequence[str] = NAMES) -> None:
    """Raise a UserError where all labels together hold 0 and 255 alone, as black and white masks do.

    0 would be taken for the first class (road) and 255 for unknown, which is the opposite of what a white road means.
    """
    if set(present) == {0, IGNORE_INDEX}:
        raise UserError(
            f"{where}: all labels hold 0 and {IGNORE_INDEX} alone, where 0 means {names[0]} and {IGNORE_INDEX} "
            f"unknown; if they are black and white masks, choose classes: binary_road; if not, save "
            f"{IGNORE_INDEX} only where nothing is known, and the other classes as 1..{len(names) - 1}"
        )


def resize_picture(image: np.ndarray, height: int, width: int, rule: str) -> np.ndarray:
    """Resize an (H, W, 3) uint8 picture to (height, width, 3) by a rule: `nearest`, `linear` or `area`.

    `area`: along a side that shrinks each output pixel is the mean of what it covers; a side that grows is linear.
    """
    if rule == "nearest":
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST)
    if rule == "area":
        # in two steps: where one side grows, OpenCV's area method doesn't average along the other either
        smaller = min(width, image.shape[1]), min(height, image.shape[0])
        image = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
    if image.shape[:2] == (height, width):
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def resize_label(label: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an (H, W) uint8 label map to (height, width) by nearest neighbour, pixel centre to pixel centre."""
    return cv2.resize(label, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)


def write_image(path: Path, image: np.ndarray) -> None:
    """Write (H, W) grey or (H, W, 3) RGB uint8 as the kind that the path's ending names; OSError where that fails."""
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    # through memory: cv2.imwrite hides a full disk behind a False
    _, data = cv2.imencode(path.suffix, bgr, _ENCODING[path.suffix])
    path.write_bytes(data.tobytes())
