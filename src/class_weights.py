"""Weigh the classes by how rare they are in the training labels.

python src/class_weights.py        DVC stage `class_weights`: data/seg_data -> metrics/class_weights.json
"""

import json

import paths
from params import load_params
from roadseg.classes import NAMES
from roadseg.weighting import class_weights, count_pixels
from stage import run, write_json


def main() -> None:
    params = load_params()
    stems = json.loads(paths.SPLITS.read_text())["train"]
    counts = count_pixels([paths.SEG_DATA / "training" / "label" / f"{stem}.png" for stem in stems])  # (N, K)
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
