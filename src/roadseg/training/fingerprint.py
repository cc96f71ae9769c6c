"""What a training is of: one text for its parameters, its inputs, its code and what it runs on."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

_CODE = Path(__file__).parents[2]
_PACKAGES = ("torch", "numpy", "albumentations", "opencv-python-headless", "segmentation-models-pytorch", "timm")


def fingerprint(values: Sequence[object], files: Iterable[Path]) -> str:
    """Return 32 hex digits that change with any of the values, files, scripts and libraries.

    `values` is anything that JSON can hold; all code counts, whoever uses it.
    """
    digest = hashlib.sha256(json.dumps(values).encode())
    digest.update(json.dumps([version(name) for name in _PACKAGES]).encode())
    for path in [*sorted(_CODE.rglob("*.py")), *files]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:32]
