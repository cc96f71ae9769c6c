"""Put the figures, curves and pictures of the run into one report, in three forms.

python src/report.py       DVC stage `report`: metrics/*, data/predictions, data/label_check, data/look
                           -> report/report.md, report.html, report.pdf and their pictures, metrics/report.json,
                           metrics/efficiency.json, metrics/frames.png
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from roadseg.frames.classes import ClassSet, read_classes
from roadseg.frames.files import frame_files
from roadseg.pipeline import paths
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import read_json, replacing, run_stage, write_json
from roadseg.report import narrative
from roadseg.report.ablation import read_table
from roadseg.report.ablation_words import ablation_facts
from roadseg.report.addresses import shown_url
from roadseg.report.chart import panels
from roadseg.report.confusion_view import confusion_view
from roadseg.report.data_views import data_view
from roadseg.report.figures import plot_curves, plot_palette
from roadseg.report.frame_picture import draw_frame
from roadseg.report.frame_views import frame_view, frames_sentence, legend, longest_side
from roadseg.report.pages import write_pages
from roadseg.report.sheet import draw_sheet
from roadseg.report.sources import data_name
from roadseg.report.suspect_views import suspect_view
from roadseg.report.tables import read_rows
from roadseg.scoring.frame_scores import score_frames, worst_first


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    splits, trained, score, flops = map(read_json, (paths.SPLITS, paths.TRAIN, paths.SCORE, paths.FLOPS))
    headline = headline_of(score["miou"], flops["gflops"], flops["gflops_ran"])
    pictures = numbered(evenly_spread(splits["test"], params.report.pictures))
    facts = describe_run(params, headline, flops, pictures)
    frames = {split: len(splits[split]) for split in ("train", "val", "test")}
    cost = narrative.cost(flops, f"{params.flops.height}x{params.flops.width}")
    facts |= describe_scores(score, classes, cost, frames["test"])
    facts |= describe_training(params, trained, frames, facts["absent"])
    ablation = read_table(paths.ABLATION.with_suffix(".csv"))
    facts |= ablation_facts(ablation, data_name(params.data.source, params.classes, params.data.fold))
    with replacing(paths.REPORT) as folder:
        watched = "test" if params.train.select == "test" else "held-out"
        write_pictures(folder, pictures, classes, trained["epoch"], watched)
        views = {
            "frames": view_frames(splits["test"], params.report.frames, classes),
            "confusion": confusion_view(pd.read_csv(paths.CONFUSION).iloc[:, 1:].to_numpy(), classes.names),
            "suspects": view_suspects(params.check_labels.shown, classes),
            "data": data_view(read_json(paths.LOOK / "survey.json"), paths.SEG_DATA, classes),
            "panels": panels(ablation),
        }
        write_pages(facts, views, folder)
    with replacing(paths.FRAMES_PICTURE) as temporary:
        draw_sheet({picture["name"]: paths.REPORT / picture["file"] for picture in pictures}, temporary)
    write_json(paths.REPORT_JSON, headline)
    write_json(paths.EFFICIENCY, {key: headline[key] for key in ("efficiency", "efficiency_ran")})
    print(f"the report: {paths.REPORT / 'report.html'}, and report.md and report.pdf beside it")


def describe_run(
    params: Params, headline: Mapping[str, float], flops: Mapping[str, Any], pictures: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """What was run, by which settings, and its figures."""
    return {
        "title": narrative.title(params.model, params.data.source),
        "headline": headline,
        "flops": flops,
        "other_network": narrative.other_network(flops["network"], params.model),
        "pictures": pictures,
        "settings": {
            "pretrained": shown_url(params.pretrained),
            "loss": params.loss,
            "schedule": params.schedule,
            "recipe": params.recipe,
            "augment": params.augment,
            "input": f"{params.input.height}x{params.input.width}, resized by {params.input.resize}",
            "optimizer": f"{params.train.optimizer}, lr {params.train.lr}, weight decay {params.train.weight_decay}",
            "batch size": params.train.batch_size,
            "weights kept": weights_kept(params),
            "fine-tuning": fine_tuning(params),
            "enlarged to the label's size": params.predict.upsampling,
            "seed": params.seed,
        },
    }


def weights_kept(params: Params) -> str:
    """Whose weights the result's are, as far as they are not those of one epoch."""
    train = params.train
    parts = [
        f"moving average of {train.ema:g}" if train.ema else "",
        f"{100 * train.weight_interpolation:g} % of the start's" if train.weight_interpolation else "",
        "logits of rare classes raised" if train.logit_adjustment else "",
    ]
    return ", ".join(filter(None, parts)) or "one epoch's"


def fine_tuning(params: Params) -> str:
    """What held the network back or helped it on, as far as it differs from training all weights alike."""
    train = params.train
    parts = [
        "frozen batch norms" if train.batch_norm == "frozen" else "",
        f"gradients clipped at {train.clip:g}" if train.clip else "",
        {"none": "", "encoder": "frozen encoder"}.get(train.freeze, f"encoder frozen for {train.freeze} epochs"),
        "weight decay on weights alone" if train.decay == "weights" else "",
    ]
    return ", ".join(filter(None, parts)) or "all weights alike"


def describe_training(
    params: Params,
    trained: Mapping[str, Any],
    frames: Mapping[str, int],
    absent: Sequence[str],
) -> dict[str, Any]:
    """The sentences on what was trained and chosen by which frames, and on what that does not show."""
    select, chosen = params.train.select, trained["epoch"]
    epochs, source, device = params.train.epochs, params.data.source, trained["device"]
    selection = narrative.selection(select, chosen, epochs, frames, params.pretrained)
    return {
        "selection": selection + narrative.held_out(params.data.fold),
        "limitations": narrative.limitations(source, frames, select, params.seed, device, absent),
    }


def describe_scores(score: Mapping[str, float], classes: ClassSet, cost: str, test_frames: int) -> dict[str, Any]:
    """The sentences and rows about the test frames' scores."""
    table = pd.read_csv(paths.PER_CLASS, keep_default_na=False, dtype={"class": str})  # a class may be called nan
    table = table.assign(share=lambda table: table["pixels"] / table["pixels"].sum())
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records"))
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


def view_frames(stems: Sequence[str], most: int, classes: ClassSet) -> dict[str, Any]:
    """The test frames of report.html: the worst of them, no more than so many, worst first."""
    files = frame_files(paths.SEG_DATA / "testing", stems)
    preds = [paths.PREDICTIONS / "grey" / file.label.name for file in files]
    scores = score_frames([(pred, file.label) for pred, file in zip(preds, files, strict=True)], len(classes))
    shown = worst_first(scores)[:most]
    longest = longest_side(len(shown))

    def view(i: int) -> dict[str, Any]:
        return frame_view(stems[i], (files[i].image, files[i].label, preds[i]), scores[i], classes, longest)

    with ThreadPoolExecutor() as pool:
        views = list(tqdm(pool.map(view, shown), "frames", len(shown), leave=False, disable=None))
    return {"sentence": frames_sentence(len(shown), len(stems)), "legend": legend(classes), "shown": views}


def view_suspects(most: int, classes: ClassSet) -> dict[str, Any]:
    """The most suspicious labels, and the frames that they are in."""
    regions, frames = (read_rows(paths.LABEL_CHECK / name) for name in ("regions.csv", "frames.csv"))

    def view(row: Mapping[str, Any]) -> dict[str, Any]:
        image = paths.SEG_DATA / row["image"]
        label = image.parents[1] / "label" / f"{image.stem}.png"
        return suspect_view(row, image, label, paths.LABEL_CHECK / "classes" / row["classes"], classes)

    with ThreadPoolExecutor() as pool:
        shown = list(pool.map(view, regions[:most]))
    total = sum(frame["regions"] for frame in frames)
    return {"sentence": narrative.suspects(len(shown), total), "shown": shown, "frames": frames[:most]}


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
    folder: Path, pictures: Sequence[Mapping[str, str]], classes: ClassSet, chosen_epoch: int, watched: str
) -> None:
    (folder / "frames").mkdir(parents=True)
    shutil.copy(paths.CONFUSION_PICTURE, folder / "confusion.png")
    shutil.copy(paths.ABLATION.with_suffix(".png"), folder / "ablation.png")
    plot_curves(pd.read_csv(paths.TRAIN_HISTORY), chosen_epoch, watched, folder / "curves.png")
    plot_palette(folder / "palette.png", classes)
    frames = frame_files(paths.SEG_DATA / "testing", [picture["name"] for picture in pictures])
    for picture, files in zip(tqdm(pictures, "pictures", leave=False, disable=None), frames, strict=True):
        pred = paths.PREDICTIONS / "grey" / files.label.name
        draw_frame(files.image, files.label, pred, folder / picture["file"], classes)


if __name__ == "__main__":
    run_stage(main)
