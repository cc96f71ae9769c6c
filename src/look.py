"""Look at the data before training: classes by split, sizes, frames that are there twice, twelve frames with labels.

python src/look.py                            DVC stage `look`: data/seg_data -> data/look: look.html, survey.json
python src/look.py --data DIR --out FILE      the page of any folder that the stage `fetch_data` made
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roadseg.data.survey import read_contents, survey
from roadseg.frames.classes import ClassSet, read_classes
from roadseg.frames.files import files_by_split
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.stage import read_json, replacing, run, run_stage, write_json
from roadseg.report.pages import render
from roadseg.report.views import data_view

SHOWN = 12  # frames


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Look at the data before training; without options, the DVC stage.",
        epilog="example: python src/look.py --data data/seg_data --out look.html",
    )
    parser.add_argument("--data", type=Path, default=paths.SEG_DATA, metavar="DIR", help="data/seg_data by default")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page to write; data/look/look.html by default")
    options = parser.parse_args()
    if not options.out and options.data.resolve() != paths.SEG_DATA.resolve():
        raise UserError(f"--data {printable(options.data)} needs --out FILE: data/look is of {paths.SEG_DATA}")
    if options.out and options.out.is_dir():
        raise UserError(f"--out {printable(options.out)} is a folder; name a file")
    classes = read_classes(options.data)
    survey = survey_of(options.data, classes)
    page = render("look.html.j2", {"title": "The data", "data": data_view(survey, options.data, classes)})
    if options.out:
        with replacing(options.out) as temporary:
            temporary.write_text(page, encoding="utf-8")
    else:
        with replacing(paths.LOOK) as folder:
            folder.mkdir()
            (folder / "look.html").write_text(page, encoding="utf-8")
            write_json(folder / "survey.json", survey)
    print(f"the data at a glance: {printable(options.out or paths.LOOK / 'look.html')}")


def survey_of(folder: Path, classes: ClassSet) -> dict[str, Any]:
    """What is to be said of the data in a folder; UserError where it is none that the stage `fetch_data` made."""
    if not (folder / paths.SPLITS.name).is_file():
        raise UserError(f"{printable(folder)} has no splits.json; run `dvc repro fetch_data` to make data/seg_data")
    files = files_by_split(folder, read_json(folder / paths.SPLITS.name))
    named = {s: {str(file.image.relative_to(folder)): file for file in of_split} for s, of_split in files.items()}
    everything = [{"split": split, "frame": name} for split, of_split in named.items() for name in of_split]
    contents = {split: read_contents(of_split) for split, of_split in named.items()}
    return survey(contents, classes.names) | {"shown": spread(everything, SHOWN)}


def spread(frames: Sequence[dict[str, str]], most: int) -> list[dict[str, str]]:
    """At most so many of the frames, each in the middle of a part of all."""
    number = min(most, len(frames))
    return [frames[(2 * i + 1) * len(frames) // (2 * number)] for i in range(number)]


if __name__ == "__main__":
    run(main) if sys.argv[1:] else run_stage(main)
