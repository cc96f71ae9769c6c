"""Put the figures, curves and pictures of the run into one report, in three forms.

python src/report.py       DVC stage `report`: metrics/*, data/predictions, data/label_check, data/look
                           -> report/report.md, report.html, report.pdf, summary.txt and their pictures,
                           metrics/report.json, metrics/efficiency.json, metrics/frames.png
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from roadseg.data.download import shown_url
from roadseg.frames.classes import ClassSet, read_classes
from roadseg.frames.files import frame_files
from roadseg.pipeline import paths
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import read_json, replacing, run_stage, write_json
from roadseg.report import narrative, views
from roadseg.report.ablation import ablation_facts, read_table
from roadseg.report.figures import plot_curves, plot_palette
from roadseg.report.frames import draw_frame, draw_sheet
from roadseg.report.pages import write_pages
from roadseg.report.sources import data_name


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    splits, trained, score, flops = map(read_json, (paths.SPLITS, paths.TRAIN, paths.SCORE, paths.FLOPS))
    headline = headline_of(score["miou"], flops["gflops"], flops["gflops_ran"])
    pictures = numbered(evenly_spread(splits["test"], params.report.pictures))
    training = narrative.Training(
        source=params.data.source,
        fold=params.data.fold,
        frames={split: len(splits[split]) for split in ("train", "val", "test")},
        pretrained=shown_url(params.pretrained),
        seed=params.seed,
        select=params.train.select,
        epochs=params.train.epochs,
        epoch=trained["epoch"],
        device=trained["device"],
    )
    ablation = read_table(paths.ABLATION.with_suffix(".csv"))
    facts = {
        "title": narrative.title(params.model, params.data.source),
        "headline": headline,
        "flops": flops,
        "other_network": narrative.other_network(flops["network"], params.model),
        "pictures": pictures,
        "settings": settings_of(params),
        "selection": narrative.selection(training),
        **describe_scores(score, flops, params, classes, len(splits["test"])),
        **ablation_facts(ablation, data_name(params.data.source, params.classes, params.data.fold)),
    }
    facts["limitations"] = narrative.limitations(training, facts["absent"])
    with replacing(paths.REPORT) as folder:
        write_pictures(folder, pictures, classes, training)
        write_pages(facts, views_of(params, splits["test"], classes), folder)
        where = f"{paths.REPORT / 'report.html'}, predictions in {paths.PREDICTIONS}"
        summary = narrative.summary(headline, score["miou_present"], where)
        (folder / paths.SUMMARY.name).write_text(summary)
    with replacing(paths.FRAMES_PICTURE) as temporary:
        draw_sheet({picture["name"]: paths.REPORT / picture["file"] for picture in pictures}, temporary)
    write_json(paths.REPORT_JSON, headline)
    write_json(paths.EFFICIENCY, {key: headline[key] for key in ("efficiency", "efficiency_ran")})
    print(summary, end="")


def settings_of(params: Params) -> dict[str, Any]:
    """What decided the run: the values that ran, those of the recipe among them."""
    train = params.train
    return {
        "pretrained": shown_url(params.pretrained),
        "recipe": params.recipe,
        "loss": params.loss,
        "optimizer": f"{train.optimizer}, learning rate {train.lr:g}, weight decay {train.weight_decay:g}",
        "schedule": params.schedule,
        "epochs": train.epochs,
        "batch size": train.batch_size,
        "augmentation": params.augment,
        "input": f"{params.input.height}x{params.input.width}, resized by {params.input.resize}",
        "weights": narrative.weights(train),
        "fine-tuning": narrative.fine_tuning(train),
        "upsampling": params.predict.upsampling,
        "test-time augmentation": narrative.prediction_passes(params.predict.passes),
        "seed": params.seed,
    }


def describe_scores(
    score: Mapping[str, float], flops: Mapping[str, Any], params: Params, classes: ClassSet, test_frames: int
) -> dict[str, Any]:
    """The sentences and rows about the test frames' scores."""
    table = pd.read_csv(paths.PER_CLASS, keep_default_na=False, dtype={"class": str})  # a class may be called nan
    table = table.assign(share=lambda table: table["pixels"] / table["pixels"].sum())
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
    cost = narrative.cost(flops, f"{params.flops.height}x{params.flops.width}")
    return {
        "task": narrative.task(classes),
        "scores": narrative.scores(score, rows, test_frames, cost),
        "classes": rows,
        "weakest": narrative.weakest(rows),
        "absent": [row["class"] for row in rows if not row["pixels"]],
    }


def headline_of(miou: float, gflops: float, gflops_ran: float) -> dict[str, float]:
    """The run in five figures: accuracy, the cost by the study's rule and as it ran, and accuracy by each cost."""
    return {
        "miou_percent": 100 * miou,
        "gflops": gflops,
        "efficiency": 100 * miou / gflops,
        "gflops_ran": gflops_ran,
        "efficiency_ran": 100 * miou / gflops_ran,
    }


def views_of(params: Params, stems: Sequence[str], classes: ClassSet) -> dict[str, Any]:
    """What report.html shows besides the facts."""
    files = frame_files(paths.SEG_DATA / "testing", stems)
    preds = [predicted(stem) for stem in stems]
    confusion = pd.read_csv(paths.CONFUSION).iloc[:, 1:].to_numpy()
    return {
        "frames": views.frames_view(files, preds, classes, params.report.frames),
        "confusion": views.confusion_view(confusion, classes.names),
        "suspects": views.suspects_view(paths.LABEL_CHECK, paths.SEG_DATA, params.check_labels.shown, classes),
        "data": views.data_view(read_json(paths.LOOK / "survey.json"), paths.SEG_DATA, classes),
    }


def predicted(stem: str) -> Path:
    return paths.PREDICTIONS / "grey" / f"{stem}.png"


def evenly_spread(stems: Sequence[str], number: int) -> list[str]:
    """Pick `number` of the stems, the first and the last among them."""
    places = np.linspace(0, len(stems) - 1, min(number, len(stems))).round().astype(int)
    return [stems[place] for place in places]


def numbered(stems: Sequence[str]) -> list[dict[str, str]]:
    """Name each frame's picture by a number: a stem may hold what no address, page or picture takes."""
    digits = max(2, len(str(len(stems))))
    return [
        {"number": str(number), "name": stem, "file": f"frames/{number:0{digits}}.png"}
        for number, stem in enumerate(stems, 1)
    ]


def write_pictures(
    folder: Path, pictures: Sequence[Mapping[str, str]], classes: ClassSet, training: narrative.Training
) -> None:
    (folder / "frames").mkdir(parents=True)
    shutil.copy(paths.CONFUSION_PICTURE, folder / "confusion.png")
    shutil.copy(paths.ABLATION.with_suffix(".png"), folder / "ablation.png")
    tested = "test set" if training.select == "test" else "validation set"
    plot_curves(pd.read_csv(paths.TRAIN_HISTORY), training.epoch, tested, folder / "curves.png")
    plot_palette(folder / "palette.png", classes)
    frames = frame_files(paths.SEG_DATA / "testing", [picture["name"] for picture in pictures])
    for picture, files in zip(tqdm(pictures, "pictures", leave=False, disable=None), frames, strict=True):
        draw_frame(files, predicted(picture["name"]), folder / picture["file"], classes)


if __name__ == "__main__":
    run_stage(main)
