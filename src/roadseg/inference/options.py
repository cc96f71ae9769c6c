"""What the command line asks for, where any pictures or video are predicted on."""

import argparse
from pathlib import Path
from typing import TypeVar

from roadseg.pipeline.errors import UserError, printable

Number = TypeVar("Number", int, float)


def read_options() -> argparse.Namespace:
    """Return what the command line of src/predict.py asks for, numbers as text."""
    parser = argparse.ArgumentParser(
        description="Predict on any pictures or video; without SOURCE, the DVC stage.",
        epilog="example: python src/predict.py drive.mp4 --every 5 --model release/first",
    )
    add = parser.add_argument
    add("source", metavar="SOURCE", help="a picture, folder, glob or video, or - for a list of paths")
    add("--out", type=Path, metavar="DIR", help="where to write; predicted/NAME by default")
    add("--model", type=Path, metavar="PLACE", help="a release's folder or weights; the workspace's by default")
    add("--overlay", default="0.5", metavar="SHARE", help="how strong the colours lie over the frame, 0 to 1")
    add("--every", default="1", metavar="N", help="take every Nth frame")
    add("--force", action="store_true", help="overwrite what is there")
    return parser.parse_args()


def in_range(option: str, text: str, kind: type[Number], least: Number, most: Number | None = None) -> Number:
    """Read the number that an option gives, a share where it needn't be whole; UserError where it is out of bounds."""
    name, bounds = ("a whole number", f"{least} or more") if kind is int else ("a share", f"{least} to {most}")
    try:
        value = kind(text)
    except ValueError:
        raise UserError(f"{option} {printable(text)} is not {name}; choose {bounds}") from None
    if not least <= value <= (value if most is None else most):
        raise UserError(f"{option} {printable(text)} is out of bounds; choose {bounds}")
    return value


def default_out(source: str) -> Path:
    """Return the folder that predictions on this source are written to where --out names none."""
    path = Path(source)
    return Path("predicted", path.resolve().stem if path.exists() else "pictures")
