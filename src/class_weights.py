"""Weigh the classes by how rare they are in the training labels.

python src/class_weights.py        DVC stage `class_weights`: data/seg_data -> metrics/class_weights.json
"""

import numpy as np

from roadseg.frames.classes import read_classes
from roadseg.frames.counting import count_pixels, count_pixels_of_files
from roadseg.frames.files import FrameFiles, split_files
from roadseg.pipeline import paths
from roadseg.pipeline.machine import num_workers, store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import read_json, run_stage, write_json
from roadseg.scoring.class_weights import class_weights


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    files = split_files(paths.SEG_DATA, read_json(paths.SPLITS), "train")
    if params.class_weights.labels == "files":
        counts = count_pixels_of_files((file.label for file in files), len(classes))  # (N, K)
    else:
        counts = count_augmented(files, params, len(classes))
    weights = class_weights(counts, params.class_weights.method, params.class_weights.beta)  # (K,)
    pixels = counts.sum(axis=0)
    write_json(
        paths.CLASS_WEIGHTS,
        [
            {"class": name, "pixels": int(n), "share": float(n / pixels.sum()), "weight": float(weight)}
            for name, n, weight in zip(classes.names, pixels, weights, strict=True)
        ],
    )


def count_augmented(files: list[FrameFiles], params: Params, num_classes: int) -> np.ndarray:
    """Count the pixels of each class in the labels as an epoch's augmentation changes them: (N, K) int64."""
    # torch takes seconds to load, and labels that are counted as they are need none
    from roadseg.frames.augment import Augmented, build_policy
    from roadseg.frames.batches import Batches, BatchSampler
    from roadseg.frames.store import load_frames

    frames = load_frames(files, params.input, training=True, store=store_folder())
    augmented = Augmented(frames, build_policy(params.augment, params.augmentation.label_fill))
    sampler = BatchSampler(len(frames), batch_size=1, seed=params.seed, kind=params.augmentation.draws)
    batches = Batches(augmented, sampler, num_workers()).of_epoch(0)
    return count_pixels((batch.labels[0].numpy() for batch in batches), num_classes)


if __name__ == "__main__":
    run_stage(main)
