"""What the header of a PNG or JPEG says, read before anything is decoded.

A picture may have up to 2**30 pixels and sides of up to 1,000,000, which is what OpenCV and libpng decode. Text, colour
profiles and other extras in a PNG, of whatever size, are left out of what the decoder gets.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from roadseg.pipeline.errors import UserError

MAX_PIXELS = 2**30
_MAX_SIDE = 1_000_000

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_DECODED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type; 3 is a palette
_OTHER_KINDS = {
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"version https://git-lfs": "pointer of Git LFS: run `git lfs pull`",
    b"<": "web page or SVG",
}
_ORIENTATION = 0x0112  # the EXIF tag; 2..8 mean mirrored or turned


@dataclass(frozen=True)
class Picture:
    """A PNG or JPEG that is not decoded yet."""

    kind: Literal["PNG", "JPEG"]
    height: int
    width: int
    channels: int
    bits: int  # a channel
    palette: bool
    turned: bool  # by EXIF: to be turned or mirrored when shown
    data: bytes  # what the decoder needs


def unreadable(name: str, what: str = "") -> UserError:
    """Return the UserError for a file that is damaged or of another kind."""
    detail = f" (it is a {what})" if what else ""
    return UserError(f"{name} is not a readable PNG or JPEG{detail}; replace it, or remove it and its partner")


def is_checked_kind(data: bytes) -> bool:
    """Return whether a file begins as a PNG or JPEG does, the two kinds whose headers are read here."""
    return data.startswith((_PNG, _JPEG))


def read_header(data: bytes, name: str) -> Picture:
    """Return what a file's header says; UserError where it is damaged, of another kind or too large."""
    if data.startswith(_PNG):
        picture = _read_png(data, name)
    elif data.startswith(_JPEG):
        picture = _read_jpeg(data, name)
    else:
        raise unreadable(name, next((kind for start, kind in _OTHER_KINDS.items() if data.startswith(start)), ""))
    height, width = picture.height, picture.width
    if height * width == 0:
        raise unreadable(name)
    if height * width > MAX_PIXELS or max(height, width) > _MAX_SIDE:
        bound = f"{MAX_PIXELS:,} pixels and sides of {_MAX_SIDE:,}"
        raise UserError(f"{name} is {height}x{width}, and a picture may have up to {bound}; shrink it, or cut it up")
    return picture


def without_palette(picture: Picture, name: str) -> Picture:
    """Return a palette PNG as a grey one of its indices; another picture as it is. UserError where it is damaged."""
    if not picture.palette:
        return picture
    chunks = [chunk for kind, chunk in _png_chunks(picture.data, name) if kind in (b"IHDR", b"IDAT", b"IEND")]
    header = bytes(chunks[0][4:17]) + b"\0" + bytes(chunks[0][18:-4])  # the colour type is 0: grey
    grey = b"".join([_PNG, chunks[0][:4], header, zlib.crc32(header).to_bytes(4), *chunks[1:]])
    return replace(picture, palette=False, data=grey)


def palette_of(picture: Picture, name: str) -> list[tuple[int, int, int]]:
    """Return a palette PNG's colours by their index, RGB; none of another picture. UserError where it is damaged."""
    chunks = [chunk for kind, chunk in _png_chunks(picture.data, name) if kind == b"PLTE"] if picture.palette else []
    rgb = bytes(chunks[0][8:-4]) if chunks else b""
    return [(rgb[at], rgb[at + 1], rgb[at + 2]) for at in range(0, len(rgb) - 2, 3)]


def png_size(start: bytes) -> tuple[int, int]:
    """Return the (height, width) of a PNG that is known to be sound, from its first 24 bytes."""
    width, height = struct.unpack_from(">II", start, len(_PNG) + 8)
    return height, width


def _read_png(data: bytes, name: str) -> Picture:
    kept, turned = [memoryview(_PNG)], False
    for kind, chunk in _png_chunks(data, name):
        if kind in _PNG_DECODED:
            kept.append(chunk)
        elif kind == b"eXIf":
            turned = _is_turned(bytes(chunk[8:-4]))
        elif kind[0:1].isupper():  # says that it must be understood, and isn't
            raise unreadable(name)
    if len(kept) < 3 or kept[1][4:8] != b"IHDR" or len(kept[1]) != 25:
        raise unreadable(name)
    width, height, bits, colours = struct.unpack_from(">IIBB", kept[1], 8)
    if colours not in _PNG_CHANNELS:
        raise unreadable(name)
    plain = b"".join(kept)
    return Picture("PNG", height, width, _PNG_CHANNELS[colours], bits, colours == 3, turned, plain)


def _png_chunks(data: bytes, name: str) -> Iterator[tuple[bytes, memoryview]]:
    """Yield each chunk's kind and all its bytes, the length before it and the checksum behind it included."""
    view, at = memoryview(data), len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(view[at : at + 4])
        if end > len(data) or zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            break
        kind = bytes(view[at + 4 : at + 8])
        yield kind, view[at:end]
        if kind == b"IEND":
            return
        at = end
    raise unreadable(name)


def _read_jpeg(data: bytes, name: str) -> Picture:
    frame, turned = None, False
    for marker, body in _jpeg_segments(data):
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            turned = _is_turned(body[6:])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) >= 6:
            frame = struct.unpack_from(">BHHB", body)
    if frame is None:
        raise unreadable(name)
    bits, height, width, channels = frame
    return Picture("JPEG", height, width, channels, bits, False, turned, data)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the content of each segment before the picture itself."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xDA:
            return
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= 0xD7:  # filling, and markers without content
            at += 1 if marker == 0xFF else 2
            continue
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + size


def _is_turned(exif: bytes) -> bool:
    """Look the orientation up in the first directory of EXIF data; 0, as some cameras write, means that it is unset."""
    order = ">" if exif.startswith(b"MM") else "<"
    try:
        (directory,) = struct.unpack_from(f"{order}I", exif, 4)
        (entries,) = struct.unpack_from(f"{order}H", exif, directory)
        for at in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, value = struct.unpack_from(f"{order}H6xH", exif, at)
            if tag == _ORIENTATION:
                return 2 <= value <= 8
    except struct.error:  # damaged, so it says nothing
        pass
    return False
