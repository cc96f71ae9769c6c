"""Put the figures, curves and pictures of the run into one report, in three forms.

python src/report.py       DVC stage `report`: metrics/*, data/predictions
                           -> report/report.md, report.html, report.pdf and their pictures, metrics/report.json
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.params import load_params
from pipeline.stage import replacing, run, write_json
from roadseg.frames.resized import frame_files
from roadseg.images import read_image, read_label
from roadseg.report import ablation, narrative
from roadseg.report.figures import draw_curves, draw_frame, draw_palette
from roadseg.report.pages import write_pages


def main() -> None:
    params = load_params()
    splits, trained = read_json(paths.SPLITS), read_json(paths.TRAIN)
    score, flops = read_json(paths.SCORE), read_json(paths.FLOPS)
    classes = pd.read_csv(paths.PER_CLASS).assign(share=lambda table: table["pixels"] / table["pixels"].sum())
    rows: list[dict[str, Any]] = json.loads(classes.to_json(orient="records"))
    frames = {split: len(stems) for split, stems in splits.items()}
    table = pd.read_csv(paths.ABLATION.with_suffix(".csv"))
    headline = headline_of(score["miou"], flops["gflops"])
    counted = narrative.cost(flops["gflops_at_input"], params.flops.height, params.flops.width)
    select, absent = params.train.select, [row["class"] for row in rows if not row["pixels"]]

    facts = {
        "title": f"Road-scene segmentation: {params.model} on {params.data.source} data",
        "headline": headline,
        "flops": flops,
        "task": narrative.TASK,
        "scores": narrative.scores(score, rows, frames["test"], counted),
        "other_network": narrative.other_network(flops["network"], params.model),
        "settings": {
            "pretrained": params.pretrained,
            "loss": params.loss,
            "schedule": params.schedule,
            "augment": params.augment,
            "input": f"{params.input.height}x{params.input.width}, resized by {params.input.resize}",
            "optimizer": f"{params.train.optimizer}, lr {params.train.lr}, weight decay {params.train.weight_decay}",
            "batch size": params.train.batch_size,
            "enlarged to the label's size": params.predict.enlarge,
            "seed": params.seed,
        },
        "selection": narrative.selection(select, trained["epoch"], params.train.epochs, frames["train"], frames["val"]),
        "classes": rows,
        "weakest": sorted((row for row in rows if row["pixels"]), key=lambda row: row["iou"])[:3],
        "ablation": ablation.markdown(table),
        "ablation_groups": ablation.sections(table),
        "ablation_note": ablation.note(table),
        "pictures": evenly_spread(splits["test"], params.report.pictures),
        "limitations": narrative.limitations(
            params.data.source, frames, select, params.seed, trained["device"], absent
        ),
    }
    with replacing(paths.REPORT) as folder:
        write_pictures(folder, facts["pictures"], trained["epoch"], "test" if select == "test" else "held-out")
        write_pages(facts, folder)
    write_json(paths.REPORT_JSON, headline)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def headline_of(miou: float, gflops: float) -> dict[str, float]:
    return {"miou_percent": 100 * miou, "gflops": gflops, "efficiency": 100 * miou / gflops}


def evenly_spread(stems: Sequence[str], number: int) -> list[str]:
    """Pick `number` of the stems, the first and the last among them."""
    places = np.linspace(0, len(stems) - 1, min(number, len(stems))).round().astype(int)
    return [stems[place] for place in places]


def write_pictures(folder: Path, stems: Sequence[str], chosen_epoch: int, watched: str) -> None:
    (folder / "frames").mkdir(parents=True)
    shutil.copy(paths.CONFUSION_PICTURE, folder / "confusion.png")
    shutil.copy(paths.ABLATION.with_suffix(".png"), folder / "ablation.png")
    draw_curves(pd.read_csv(paths.TRAIN_HISTORY), chosen_epoch, watched, folder / "curves.png")
    draw_palette(folder / "palette.png")
    for files in tqdm(frame_files(paths.SEG_DATA / "testing", stems), "pictures", leave=False, disable=None):
        pred = read_label(paths.PREDICTIONS / "grey" / files.label.name)
        picture = folder / "frames" / files.label.name
        draw_frame(read_image(files.image), read_label(files.label), pred, files.label.stem, picture)


if __name__ == "__main__":
    run(main)
