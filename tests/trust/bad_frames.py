"""Frames in the seg_data layout, each set wrong in one way: labels, images, names, folders, archives."""

import io
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
from conftest import picture_bytes, write_picture
from PIL import Image

GREY = np.zeros((32, 48), np.uint8)
PHOTO = np.random.default_rng(5).integers(0, 256, (32, 48, 3), np.uint8)
SIZES = [(31, 48), (32, 47), (48, 32), (1, 1)]
OUTSIDE = ["../out.png", "/etc/out.png", "training/../../out.png", "C:/out.png"]
IMAGE, LABEL = Path("training/image/000001_10.png"), Path("training/label/000001_10.png")


def saved(picture, form="PNG", **options):
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def png(width, height, depth=8, kind=0, rows=b"", ihdr=b"\0\0\0", crc=0):
    """A PNG whose header says this, and whose checksums are off by `crc`."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ crc)

    header = struct.pack(">IIBB", width, height, depth, kind) + ihdr
    chunks = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


WHOLE = picture_bytes(PHOTO)
WHOLE_LABEL = picture_bytes(GREY)
LABELS = {
    **{f"label of {value}": picture_bytes(GREY + value) for value in (19, 20, 33, 40, 100, 254, 255)},
    **{f"label in mode {mode}": saved(Image.new(mode, (48, 32))) for mode in ("1", "P", "LA", "RGB", "RGBA", "I;16")},
    **{
        f"label of {h}x{w}": picture_bytes(np.zeros((h, w), np.uint8))
        for h, w in ((31, 48), (32, 47), (48, 32), (1, 1))
    },
    **{f"label as {form}": saved(Image.new("L", (48, 32)), form) for form in ("JPEG", "BMP", "TIFF", "WEBP", "GIF")},
    **{f"label cut by {n}": WHOLE_LABEL[:-n] for n in (1, 4, 12, 13, 30, 60)},
    "label of 4 bits": png(48, 32, 4, rows=bytes(25 * 32)),
    "label empty": b"",
    "label a text": b"road\n",
    "label a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n",
}
IMAGES = {
    **{f"image as {form}": saved(Image.fromarray(PHOTO), form) for form in ("BMP", "TIFF", "WEBP", "GIF", "PPM")},
    **{f"image cut by {n}": WHOLE[:-n] for n in (1, 4, 12, 13, 300, 2000)},
    **{f"JPEG cut by {n}": saved(Image.fromarray(PHOTO), "JPEG")[:-n] for n in (1, 2, 100, 500)},
    **{f"byte {at} changed": WHOLE[:at] + bytes([WHOLE[at] ^ 1]) + WHOLE[at + 1 :] for at in (2, 11, 17, 25, 30, 200)},
    **{f"image turned {turn}": saved(Image.fromarray(PHOTO), exif=exif(turn)) for turn in (2, 3, 5, 6, 8)},
    **{f"image of {h}x{w}": picture_bytes(np.zeros((h, w, 3), np.uint8)) for h, w in SIZES},
    "image empty": b"",
    "image a web page": b"<!doctype html><p>not found",
    "image SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "image of 16 bits": picture_bytes(np.zeros((32, 48, 3), np.uint16)),
    "image of no size": png(0, 0),
    "image of 4 thousand megapixels": png(2**16, 2**16, kind=2),
    "image of a negative side": png(2**31, 5),
    "image of an unknown colour type": png(48, 32, 8, 9),
    "image of wrong checksums": png(48, 32, 8, 2, bytes(145 * 32), crc=5),
    "image without rows": png(48, 32, 8, 2),
    "image of zeroes": bytes(5000),
}


def put(path, data):
    return lambda folder: (folder / path).write_bytes(data)


def remove(*paths):
    return lambda folder: [(folder / path).unlink() for path in paths]


def other(path, make):
    def spoil(folder):
        (folder / path).unlink()
        make(folder / path)

    return spoil


def masks(folder):
    for file in (folder / "training/label").iterdir():
        write_picture(file, np.where(np.arange(48) < 9, GREY, 255).astype(np.uint8))


def leak(folder, name="000005_10.png"):
    picture = cv2.imread(str(folder / IMAGE))
    cv2.imwrite(str(folder / "testing/image" / name), picture, [cv2.IMWRITE_PNG_COMPRESSION, 0])


def rename(before, after):
    return lambda folder: (folder / before).rename(os.fsdecode(os.fsencode(folder) + b"/" + after))


FOLDERS = {
    "no label": remove(LABEL),
    "no image": remove(IMAGE),
    "no training": lambda folder: shutil.rmtree(folder / "training"),
    "no testing": lambda folder: shutil.rmtree(folder / "testing/image"),
    "no frame at all": lambda folder: [file.unlink() for file in folder.rglob("*.png")],
    "label a pipe": other(LABEL, os.mkfifo),
    "image a pipe": other(IMAGE, os.mkfifo),
    "label a device": other(LABEL, lambda path: path.symlink_to("/dev/zero")),
    "image a folder": other(IMAGE, Path.mkdir),
    "image a broken link": other(IMAGE, lambda path: path.symlink_to("nowhere.png")),
    "image a link to itself": other(IMAGE, lambda path: path.symlink_to(path.name)),
    "a loop of links": lambda folder: (folder / "testing/image/up").symlink_to(".."),
    "a text among the images": put("training/image/notes.md", b"x"),
    "a sub-folder of labels": lambda folder: write_picture(folder / "testing/label/old/a.png", GREY),
    "an image twice": lambda folder: shutil.copy(folder / IMAGE, (folder / IMAGE).with_suffix(".jpg")),
    "a name in no encoding": rename(IMAGE, b"training/image/Stra\xdfe.png"),
    "black and white masks": masks,
    "a frame in both parts": leak,
}


def add(*members):
    """Append to a zip: names, or whole ZipInfos."""

    def spoil(archive):
        with zipfile.ZipFile(archive, "a") as file:
            for member in members:
                file.writestr(member, b"some bytes")

    return spoil


def link():
    entry = zipfile.ZipInfo("training/image/link.png")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def rewrite(change):
    return lambda archive: archive.write_bytes(change(archive.read_bytes()))


def cut_to(percent):
    return rewrite(lambda data: data[: len(data) * percent // 100])


def encrypted(data):
    at = data.index(b"PK\1\2") + 8
    return data[:at] + bytes([data[at] | 1]) + data[at + 1 :]


def method(number):
    def change(data):
        data = bytearray(data)
        for mark, at in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
            found = -1
            while (found := data.find(mark, found + 1)) >= 0:
                data[found + at] = number
        return bytes(data)

    return change


ZIPS = {
    **{
        f"zip cut to {part} %": rewrite(lambda data, p=part: data[: len(data) * p // 100])
        for part in (0, 1, 30, 90, 99)
    },
    **{
        f"zip with {name}": add(name) for name in ("../out.png", "/etc/out.png", "training/../../out.png", "C:/out.png")
    },
    **{f"zip by method {number}": rewrite(method(number)) for number in (9, 77, 93, 98)},
    "zip with a link": add(link()),
    "zip encrypted": rewrite(encrypted),
    "zip of damaged members": rewrite(lambda data: data[:200] + bytes(400) + data[600:]),
    "zip without its beginning": rewrite(lambda data: data[1000:]),
    "zip of text": rewrite(lambda _: b"not found"),
    "7z": rewrite(lambda data: b"7z\xbc\xaf\x27\x1c" + data),
    "RAR": rewrite(lambda data: b"Rar!\x1a\x07" + data),
    "zip of zeroes": rewrite(lambda data: bytes(len(data))),
}


def member(name, kind=tarfile.REGTYPE):
    def spoil(archive):
        with tarfile.open(archive, "a") as file:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            file.addfile(entry)

    return spoil


TARS = {
    **{f"tar cut to {part} %": cut_to(part) for part in (0, 1, 30, 50)},
    **{f"tar with {name}": member(name) for name in ("../out.png", "/etc/out.png")},
    "tar with a link": member("training/image/a.png", tarfile.SYMTYPE),
    "tar with a hard link": member("training/image/a.png", tarfile.LNKTYPE),
    "tar with a device": member("training/image/a.png", tarfile.CHRTYPE),
    "tar with a pipe": member("training/image/a.png", tarfile.FIFOTYPE),
    "tar of zeroes": rewrite(lambda data: bytes(len(data))),
}
CASES = {
    **{name: put(LABEL, data) for name, data in LABELS.items()},
    **{name: put(IMAGE, data) for name, data in IMAGES.items()},
    **FOLDERS,
}
