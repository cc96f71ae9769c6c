"""Weigh the classes by how rare they are in the training labels.

python src/class_weights.py        DVC stage `class_weights`: data/seg_data -> metrics/class_weights.json
"""

import json

from pipeline import paths
from pipeline.machine import store_folder
from pipeline.params import load_params
from pipeline.stage import run, write_json
from roadseg.classes import NAMES
from roadseg.frames.augment import study_policy
from roadseg.frames.batches import Batches, ShuffledDraws
from roadseg.frames.resized import frame_files, load_frames, resize_of
from roadseg.scoring.class_weights import class_weights, count_pixels, count_pixels_of_files


def main() -> None:
    params = load_params()
    files = frame_files(paths.SEG_DATA / "training", json.loads(paths.SPLITS.read_text())["train"])
    if params.class_weights.labels == "files":
        counts = count_pixels_of_files(file.label for file in files)  # (N, K)
    else:
        resize = resize_of(params.input.resize, training=True)
        frames = load_frames(files, params.input.height, params.input.width, resize, store_folder())
        policy = study_policy(params.augmentation.label_fill) if params.augment == "study" else None
        draws = ShuffledDraws(len(frames), batch_size=1, seed=params.seed, kind=params.augmentation.draws)
        counts = count_pixels(batch.labels[0].numpy() for batch in Batches(frames, draws, policy))
    weights = class_weights(counts, params.class_weights.method, params.class_weights.beta)  # (K,)
    pixels = counts.sum(axis=0)
    write_json(
        paths.CLASS_WEIGHTS,
        [
            {"class": name, "pixels": int(n), "share": float(n / pixels.sum()), "weight": float(weight)}
            for name, n, weight in zip(NAMES, pixels, weights, strict=True)
        ],
    )


if __name__ == "__main__":
    run(main)
