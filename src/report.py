"""Put the figures, curves and pictures of the run into one report, in three forms.

python src/report.py       DVC stage `report`: metrics/*, data/predictions
                           -> report/report.md, report.html, report.pdf and their pictures, metrics/report.json
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipeline import paths
from pipeline.params import load_params
from pipeline.stage import read_json, replacing, run_stage, write_json
from roadseg.frames.files import frame_files
from roadseg.images import read_image, read_label
from roadseg.report import ablation, narrative
from roadseg.report.figures import plot_curves, plot_frame, plot_palette
from roadseg.report.pages import write_pages


def main() -> None:
    params = load_params()
    splits, trained, score, flops = map(read_json, (paths.SPLITS, paths.TRAIN, paths.SCORE, paths.FLOPS))
    headline = headline_of(score["miou"], flops["gflops"])
    pictures = evenly_spread(splits["test"], params.report.pictures)
    size = f"{params.flops.height}x{params.flops.width}"
    run_facts = {
        "title": f"Road-scene segmentation: {params.model} on {params.data.source} data",
        "headline": headline,
        "flops": flops,
        "other_network": narrative.other_network(flops["network"], params.model),
        "pictures": pictures,
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
    }
    frames = {split: len(stems) for split, stems in splits.items()}
    score_facts = describe_scores(score, narrative.cost(flops["gflops_at_input"], size), frames["test"])
    training_facts = {
        "selection": narrative.selection(params.train.select, trained["epoch"], params.train.epochs, frames),
        "limitations": narrative.limitations(
            params.data.source, frames, params.train.select, params.seed, trained["device"], score_facts["absent"]
        ),
    }
    with replacing(paths.REPORT) as folder:
        write_pictures(folder, pictures, trained["epoch"], "test" if params.train.select == "test" else "held-out")
        write_pages(run_facts | score_facts | training_facts | describe_ablation(), folder)
    write_json(paths.REPORT_JSON, headline)


def describe_scores(score: Mapping[str, float], cost: str, test_frames: int) -> dict[str, Any]:
    """The sentences and rows about the test frames' scores."""
    table = pd.read_csv(paths.PER_CLASS).assign(share=lambda table: table["pixels"] / table["pixels"].sum())
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    present = [row for row in rows if row["pixels"]]
    return {
        "task": narrative.TASK,
        "scores": narrative.scores(score, rows, test_frames, cost),
        "classes": rows,
        "weakest": sorted(present, key=lambda row: row["iou"])[:3],
        "absent": [row["class"] for row in rows if not row["pixels"]],
    }


def describe_ablation() -> dict[str, Any]:
    """The ablation's tables, and what to know about them."""
    table = pd.read_csv(paths.ABLATION.with_suffix(".csv"))
    return {
        "ablation": ablation.markdown(table),
        "ablation_groups": ablation.sections(table),
        "ablation_note": ablation.note(table),
        "ablation_caption": ablation.caption(table),
    }


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
    plot_curves(pd.read_csv(paths.TRAIN_HISTORY), chosen_epoch, watched, folder / "curves.png")
    plot_palette(folder / "palette.png")
    for files in tqdm(frame_files(paths.SEG_DATA / "testing", stems), "pictures", leave=False, disable=None):
        pred = read_label(paths.PREDICTIONS / "grey" / files.label.name)
        picture = folder / "frames" / files.label.name
        plot_frame(read_image(files.image), read_label(files.label), pred, files.label.stem, picture)


if __name__ == "__main__":
    run_stage(main)
