"""What stages leave, made by hand: quick, and with whatever names and parameters a test wants."""

import json
import shutil

import numpy as np
import pandas as pd
from conftest import PARAMS, ROOT, changed, write_params, write_picture

import report
from roadseg.frames.classes import CITYSCAPES, NAMES, write_classes
from roadseg.inference.label_check import write_rows
from roadseg.pipeline import paths


def finish_run(folder, stems, **changes):
    """Write what stages leave that `report` and `release.py` read, for test frames of these names."""
    params = changed(PARAMS, {"report.pictures": len(stems)} | changes)
    (folder / "metrics").mkdir()
    write_params(params, folder)
    label = np.zeros((20, 60), np.uint8)
    label[10:] = 13
    for stem in stems:
        write_picture(folder / paths.SEG_DATA / "testing" / "image" / f"{stem}.png", np.full((20, 60, 3), 99, np.uint8))
        write_picture(folder / paths.SEG_DATA / "testing" / "label" / f"{stem}.png", label)
        write_picture(folder / paths.PREDICTIONS / "grey" / f"{stem}.png", label)
    write_classes(folder / paths.SEG_DATA, CITYSCAPES)
    write_label_check(folder / paths.LABEL_CHECK, stems[0], label)
    write_survey(folder / paths.LOOK, stems[0])
    write_metrics(folder, stems)
    (folder / "models").mkdir()
    (folder / paths.MODEL).write_bytes(b"weights")


def write_label_check(folder, stem, seen):
    """Write the findings of one place in one frame, whose label is all road above."""
    write_picture(folder / "classes" / "00001.png", seen)
    box = {"left": 10, "top": 2, "right": 30, "bottom": 8}
    frame = {"split": "test", "image": f"testing/image/{stem}.png"}
    found = {"label": "road", "predicted": "car", "share": 0.1, "confidence": 0.9, "suspicion": 5}
    write_rows([{"rank": 1} | frame | box | found | {"classes": "00001.png"}], folder / "regions.csv")
    write_rows([frame | {"regions": 1, "share": 0.1, "suspicion": 5}], folder / "frames.csv")


def write_survey(folder, stem):
    """Write what the stage `look` leaves, of test frames alone."""
    rows = [{"class": name, "shares": [1 / len(NAMES)], "frames": [1]} for name in NAMES]
    survey = {
        "splits": [{"split": "test", "frames": 1, "labelled": 1.0}],
        "classes": rows,
        "sizes": [{"size": "20x60", "frames": 1}],
        "twins": [],
        "shown": [{"split": "test", "frame": f"testing/image/{stem}.png"}],
    }
    folder.mkdir()
    (folder / "survey.json").write_text(json.dumps(survey))


def write_metrics(folder, stems):
    splits = {"train": ["a"], "val": ["b"], "test": stems}
    cost = {
        "gflops": 10.0,
        "gflops_ran": 1.0,
        "passes": [{"size": "128x416", "times": 1}],
        "params_m": 2.0,
        "network": PARAMS["model"],
    }
    headline = {"miou_percent": 10.0, "gflops": 10.0, "gflops_ran": 1.0, "efficiency": 1.0, "efficiency_ran": 10.0}
    score = {"miou": 0.1, "miou_present": 0.9, "pixel_accuracy": 0.8, "fw_iou": 0.7}
    contents = {
        paths.SPLITS: splits,
        paths.TRAIN: {"epoch": 1, "loss": 0.5, "miou": 0.1, "device": "<b>card</b>"},
        paths.SCORE: score,
        paths.FLOPS: cost,
        paths.REPORT_JSON: headline,
    }
    for path, content in contents.items():
        (folder / path).write_text(json.dumps(content))
    history = pd.DataFrame({"epoch": [1], "lr": [0.1], "loss": [0.5], "val_loss": [0.6], "miou": [0.1]})
    history.to_csv(folder / paths.TRAIN_HISTORY, index=False)
    pixels = [600 if name in ("road", "car") else 0 for name in NAMES]
    table = pd.DataFrame({"class": NAMES, "iou": np.linspace(0, 1, 19), "pixels": pixels})
    table.to_csv(folder / paths.PER_CLASS, index=False)
    write_picture(folder / paths.CONFUSION_PICTURE, np.full((60, 60, 3), 99, np.uint8))
    pd.DataFrame(np.diag(pixels), index=pd.Index(NAMES, name="truth"), columns=NAMES).to_csv(folder / paths.CONFUSION)
    for ending in (".csv", ".png"):
        shutil.copy(ROOT / paths.ABLATION.with_suffix(ending), folder / paths.ABLATION.with_suffix(ending))


def report_of(folder, stems=("a", "b"), **changes):
    """Finish a run in a folder, which must be the present one, report it, and return the pages as text."""
    finish_run(folder, list(stems), **changes)
    report.main()
    assert (paths.REPORT / "report.pdf").read_bytes().startswith(b"%PDF")
    return {form: (paths.REPORT / f"report.{form}").read_text() for form in ("md", "html")}
