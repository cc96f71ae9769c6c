"""Recognise a picture again: the same pixels by a hash of them, nearly the same picture by a hash of its look.

The look is a perceptual hash of 256 bits: of the picture in grey at 64x64, the 16x16 lowest cosine frequencies, each
compared with their median. Compression, another size, noise and other light change up to 24 of them (measured on 32
frames each of KITTI and CamVid); different frames of KITTI differ in 38 and more, generated scenes in 80 and more.
"""

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np

_SIDE, _FREQUENCIES = 64, 16
_NEAR = 24  # bits of 256
_FLAT = 2.0  # grey levels: with less contrast (standard deviation), a look says nothing


@dataclass(frozen=True)
class Fingerprint:
    """What a picture is known by."""

    pixels: bytes  # SHA-256 of its size and values
    look: np.ndarray | None  # (4,) uint64, or None where the picture is flat


def fingerprint(image: np.ndarray) -> Fingerprint:
    """Return what an (H, W, 3) uint8 RGB picture is known by."""
    pixels = hashlib.sha256(repr(image.shape).encode())
    pixels.update(np.ascontiguousarray(image).data)
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if grey.std() < _FLAT:
        return Fingerprint(pixels.digest(), None)
    frequencies = cv2.dct(grey)[:_FREQUENCIES, :_FREQUENCIES].ravel()
    bits = np.packbits(frequencies > np.median(frequencies))
    return Fingerprint(pixels.digest(), bits.view(np.uint64))


def same_pictures(some: list[Fingerprint], others: list[Fingerprint]) -> list[tuple[int, int]]:
    """Return (i, k) for each picture i of `some` whose pixels are those of a picture k of `others`, the first such."""
    first = {other.pixels: k for k, other in reversed(list(enumerate(others)))}
    return [(i, first[one.pixels]) for i, one in enumerate(some) if one.pixels in first]


def near_pictures(some: list[Fingerprint], others: list[Fingerprint]) -> list[tuple[int, int]]:
    """Return (i, k) for each picture i of `some` that nearly looks like one of `others`, k the most alike.

    Each is compared with all others at once, by four 64-bit words: 1,000 with 4,000 in a tenth of a second.
    """
    places = [k for k, other in enumerate(others) if other.look is not None]
    if not places:
        return []
    looks = np.stack([look for other in others if (look := other.look) is not None])  # (N, 4)
    found = []
    for i, one in enumerate(some):
        if one.look is not None:
            distances = np.bitwise_count(looks ^ one.look).sum(axis=1)
            if distances[nearest := int(distances.argmin())] <= _NEAR:
                found.append((i, places[nearest]))
    return found
