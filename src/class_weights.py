"""Weigh the classes by how rare they are in the training labels.

python src/class_weights.py        DVC stage `class_weights`: data/seg_data -> metrics/class_weights.json
"""

from roadseg.frames.augment import build_policy
from roadseg.frames.batches import Batches, ShuffledDraws
from roadseg.frames.classes import read_classes
from roadseg.frames.files import split_files
from roadseg.frames.resized import load_frames
from roadseg.pipeline import paths
from roadseg.pipeline.machine import num_workers, store_folder
from roadseg.pipeline.params import load_params
from roadseg.pipeline.stage import read_json, run_stage, write_json
from roadseg.scoring.class_weights import class_weights, count_pixels, count_pixels_of_files


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    files = split_files(paths.SEG_DATA, read_json(paths.SPLITS), "train")
    if params.class_weights.labels == "files":
        counts = count_pixels_of_files((file.label for file in files), len(classes))  # (N, K)
    else:
        frames = load_frames(files, params.input, training=True, store=store_folder())
        policy = build_policy(params.augment, params.augmentation.label_fill)
        draws = ShuffledDraws(len(frames), batch_size=1, seed=params.seed, kind=params.augmentation.draws)
        batches = Batches(frames, draws, policy, num_workers())
        counts = count_pixels((batch.labels[0].numpy() for batch in batches.of_epoch(0)), len(classes))
    weights = class_weights(counts, params.class_weights.method, params.class_weights.beta)  # (K,)
    pixels = counts.sum(axis=0)
    write_json(
        paths.CLASS_WEIGHTS,
        [
            {"class": name, "pixels": int(n), "share": float(n / pixels.sum()), "weight": float(weight)}
            for name, n, weight in zip(classes.names, pixels, weights, strict=True)
        ],
    )


if __name__ == "__main__":
    run_stage(main)
