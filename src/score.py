"""Score predictions against the truth.

python src/score.py                        DVC stage `score`: data/predictions/grey, data/seg_data/testing/label
                                           -> metrics/score.json, per_class.csv, confusion.csv, confusion.png
python src/score.py --pred DIR --gt DIR    score any two folders of train-id PNGs and print the same JSON
python src/score.py --study ...            print the study's mIoU of whatever the files hold, unchecked; write nothing

Truth and predictions are grey 8-bit PNGs that hold the ids of the classes of data/seg_data (the 19 of Cityscapes where
that is not there), 0..18 for 19, and 255: in the truth for a pixel that isn't scored, in a
prediction for one that is given no class, which counts as wrong. Anything else is refused.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from roadseg.frames.classes import ClassSet, read_classes
from roadseg.pipeline import paths
from roadseg.pipeline.stage import replacing, run, run_stage, write_json
from roadseg.report.figures import plot_confusion
from roadseg.scoring.accuracy import cal_acc
from roadseg.scoring.folders import joint_histogram_of_files, matching_files, study_histogram_of_files
from roadseg.scoring.metrics import Score, score


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Score predictions against the truth; without options, the DVC stage.",
        epilog="example: python src/score.py --pred predicted/NAME/grey --gt data/seg_data/testing/label",
    )
    parser.add_argument("--pred", type=Path, help="folder of predicted train-id PNGs")
    parser.add_argument("--gt", type=Path, help="folder of true train-id PNGs, under the same names")
    parser.add_argument("--study", action="store_true", help="the study's mIoU of whatever the files hold, unchecked")
    options = parser.parse_args()
    if (options.pred is None) != (options.gt is None):
        parser.error("--pred and --gt go together")
    pred = options.pred or paths.PREDICTIONS / "grey"
    truth = options.gt or paths.SEG_DATA / "testing" / "label"

    classes = read_classes(paths.SEG_DATA)
    pairs = matching_files(pred, truth)
    if options.study:
        print(json.dumps({"miou": cal_acc(study_histogram_of_files(pairs), len(classes))[0]}, indent=2))
        return
    result = score(joint_histogram_of_files(pairs, classes), len(classes))
    if options.gt is None:
        write_outputs(result, classes)
    print(json.dumps(summary(result), indent=2))


def summary(result: Score) -> dict[str, float]:
    """The four figures that `dvc metrics` compares."""
    return {key: value for key, value in asdict(result).items() if isinstance(value, float)}


def write_outputs(result: Score, classes: ClassSet) -> None:
    write_json(paths.SCORE, summary(result))
    per_class = pd.DataFrame({"class": classes.names, "iou": result.iou, "pixels": result.confusion.sum(axis=1)})
    confusion = pd.DataFrame(result.confusion, index=pd.Index(classes.names, name="truth"), columns=classes.names)
    with replacing(paths.PER_CLASS) as temporary:
        per_class.to_csv(temporary, index=False)
    with replacing(paths.CONFUSION) as temporary:
        confusion.to_csv(temporary)
    with replacing(paths.CONFUSION_PICTURE) as temporary:
        plot_confusion(result.confusion, temporary, classes.names)


if __name__ == "__main__":
    run(main) if sys.argv[1:] else run_stage(main)
