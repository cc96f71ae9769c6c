"""Predict the test frames at their own sizes.

python src/predict.py      DVC stage `predict`: data/seg_data, models/model.safetensors
                           -> data/predictions/grey (train ids) and data/predictions/color (palette)
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn
from tqdm import tqdm

from pipeline import paths
from pipeline.machine import store_folder
from pipeline.params import load_params
from pipeline.stage import read_json, replacing, run_stage
from roadseg.classes import ClassSet, colorize, read_classes
from roadseg.engines.exported import Exported
from roadseg.frames.files import split_files
from roadseg.frames.resized import load_frames
from roadseg.images import write_image
from roadseg.networks.catalogue import build_model
from roadseg.networks.determinism import make_deterministic
from roadseg.networks.memory import keep_freed_memory
from roadseg.networks.model_file import load_weights
from roadseg.networks.precision import supported_precision
from roadseg.networks.prediction import predict
from roadseg.specs import Precision

WRITTEN_BEHIND = 16  # predictions at most that wait to be written


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    make_deterministic()
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    fabric = Fabric(accelerator="auto", devices=1, precision=supported_precision(params.predict.precision, device))

    files = split_files(paths.SEG_DATA, read_json(paths.SPLITS), "test")
    frames = load_frames(files, params.input, training=False, store=store_folder())
    network = build_model(params.model, params.models[params.model], len(classes))
    network.load_state_dict(load_weights(paths.MODEL))
    how = params.predict
    model, device = on_engine(how.engine, network, fabric, how.precision)

    maps = predict(model, frames, range(len(frames)), how.batch_size, how.enlarge, device, how.passes)
    progress = tqdm(maps, "predict", len(files), leave=False, disable=None)
    with replacing(paths.PREDICTIONS) as folder, ThreadPoolExecutor() as pool:
        (folder / "grey").mkdir(parents=True)
        (folder / "color").mkdir()
        written: deque[Future[None]] = deque()
        for file, class_ids in zip(files, progress, strict=True):
            # as the next is computed
            written.append(pool.submit(write_prediction, folder, file.label.name, class_ids, classes))
            if len(written) > WRITTEN_BEHIND:
                written.popleft().result()
        for future in written:
            future.result()
    print(f"predicted {len(files)} frame{'s' if len(files) > 1 else ''} into {paths.PREDICTIONS}")


def on_engine(engine: str, network: nn.Module, fabric: Fabric, precision: Precision) -> tuple[nn.Module, torch.device]:
    """The network as that engine runs it, and the device: torch takes the best there is, the others the CPU."""
    if engine == "torch":
        return fabric.setup(network.to(memory_format=torch.channels_last)), fabric.device
    cpu = torch.device("cpu")
    return Exported(engine, network, bfloat16=supported_precision(precision, cpu) == "bf16-mixed"), cpu


def write_prediction(folder: Path, file: str, class_ids: np.ndarray, classes: ClassSet) -> None:
    write_image(folder / "grey" / file, class_ids)
    write_image(folder / "color" / file, colorize(class_ids, classes))


if __name__ == "__main__":
    run_stage(main)
