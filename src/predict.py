"""Predict the test frames at their own sizes.

python src/predict.py      DVC stage `predict`: data/seg_data, models/model.safetensors
                           -> data/predictions/grey (train ids) and data/predictions/color (palette)
"""

import json

import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file
from tqdm import tqdm

import paths
from params import load_params
from roadseg.classes import NUM_CLASSES, colorize
from roadseg.determinism import make_deterministic
from roadseg.frames import frame_files, load_frames, resize_of
from roadseg.images import write_image
from roadseg.models import build_model
from roadseg.prediction import predict
from stage import replacing, run


def main() -> None:
    params = load_params()
    make_deterministic()
    fabric = Fabric(accelerator="auto", devices=1)

    stems = json.loads(paths.SPLITS.read_text())["test"]
    size, resize = (params.input.height, params.input.width), resize_of(params.input.resize, training=False)
    frames = load_frames(frame_files(paths.SEG_DATA / "testing", stems), *size, resize)
    network = build_model(params.model, params.models[params.model].model_dump(), NUM_CLASSES)
    network.load_state_dict(load_file(paths.MODEL))
    model = fabric.setup(network.to(memory_format=torch.channels_last))

    maps = predict(model, frames, params.predict.batch_size, params.predict.enlarge, fabric.device)
    with replacing(paths.PREDICTIONS) as folder:
        (folder / "grey").mkdir(parents=True)
        (folder / "color").mkdir()
        for stem, classes in zip(stems, tqdm(maps, "predict", len(stems), leave=False, disable=None), strict=True):
            write_image(folder / "grey" / f"{stem}.png", classes)
            write_image(folder / "color" / f"{stem}.png", colorize(classes))
    print(f"predicted {len(stems)} frames into {paths.PREDICTIONS}")


if __name__ == "__main__":
    run(main)
