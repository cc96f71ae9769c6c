"""Put the figures, curves and pictures of the run into one page.

python src/report.py       DVC stage `report`: metrics/*, data/predictions -> report/report.md, metrics/report.json
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tqdm import tqdm

import paths
from params import load_params
from roadseg.figures import draw_curves, draw_frame, draw_palette
from roadseg.frames import frame_files
from roadseg.images import read_image, read_label
from stage import replacing, run, write_json


def main() -> None:
    params = load_params()
    splits, trained = read_json(paths.SPLITS), read_json(paths.TRAIN)
    score, flops = read_json(paths.SCORE), read_json(paths.FLOPS)
    miou_percent = 100 * score["miou"]
    headline = {"miou_percent": miou_percent, "gflops": flops["gflops"], "efficiency": miou_percent / flops["gflops"]}
    classes = pd.read_csv(paths.PER_CLASS).assign(share=lambda table: table["pixels"] / table["pixels"].sum())
    pictures = evenly_spread(splits["test"], params.report.pictures)

    page = template("report.md.j2").render(
        params=params,
        splits=splits,
        trained=trained,
        score=score,
        flops=flops,
        headline=headline,
        classes=classes.to_dict("records"),
        weakest=classes[classes["pixels"] > 0].nsmallest(3, "iou").to_dict("records"),
        pictures=pictures,
    )
    with replacing(paths.REPORT) as folder:
        (folder / "frames").mkdir(parents=True)
        (folder / "report.md").write_text(page)
        shutil.copy(paths.CONFUSION_PICTURE, folder / "confusion.png")
        watched = "test" if params.train.select == "test" else "held-out"
        draw_curves(pd.read_csv(paths.TRAIN_HISTORY), trained["epoch"], watched, folder / "curves.png")
        draw_palette(folder / "palette.png")
        draw_frames(pictures, folder / "frames")
    write_json(paths.REPORT_JSON, headline)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def template(name: str) -> Any:
    folder = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=folder, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).get_template(
        name
    )


def evenly_spread(stems: Sequence[str], number: int) -> list[str]:
    """Pick `number` of the stems, the first and the last among them."""
    places = np.linspace(0, len(stems) - 1, min(number, len(stems))).round().astype(int)
    return [stems[place] for place in places]


def draw_frames(stems: Sequence[str], folder: Path) -> None:
    for files in tqdm(frame_files(paths.SEG_DATA / "testing", stems), "pictures", leave=False, disable=None):
        pred = read_label(paths.PREDICTIONS / "grey" / files.label.name)
        draw_frame(read_image(files.image), read_label(files.label), pred, files.label.stem, folder / files.label.name)


if __name__ == "__main__":
    run(main)
