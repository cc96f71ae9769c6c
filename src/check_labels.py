"""Find places whose label is improbable to the network, in the frames of all splits.

It is the network of the early epochs, before it knew wrong labels by heart.

python src/check_labels.py      DVC stage `check_labels`: data/seg_data, models/early.safetensors
                                -> data/label_check: regions.csv, the most suspicious first; frames.csv, worst first;
                                classes, what the network sees in the frames of the first regions, at its input size
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from roadseg.frames.classes import ClassSet, read_classes
from roadseg.frames.counting import joint_histogram
from roadseg.frames.files import FrameFiles, files_by_split
from roadseg.frames.images import write_image
from roadseg.frames.store import Frames, load_frames
from roadseg.networks.catalogue import build_model
from roadseg.networks.determinism import make_deterministic
from roadseg.networks.devices import on_best_device
from roadseg.networks.memory import keep_freed_memory
from roadseg.networks.model_file import fill_network
from roadseg.networks.prediction import as_large_as, torch_engine
from roadseg.pipeline import paths
from roadseg.pipeline.machine import store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import read_json, replacing, run_stage
from roadseg.report.beliefs import beliefs
from roadseg.report.ranking import habits, most_suspicious
from roadseg.report.regions import Beliefs, Region, find_regions
from roadseg.report.tables import Ranked, frame_rows, region_rows, write_rows


@dataclass(frozen=True)
class Checked:
    """What the network says of one frame."""

    split: str
    file: FrameFiles
    size: tuple[int, int]  # height and width of the file
    joint: np.ndarray  # (K, K) int64, labels by predicted classes
    regions: list[Region]


def main() -> None:
    params, classes = load_params(), read_classes(paths.SEG_DATA)
    make_deterministic()
    keep_freed_memory()
    network = build_model(params.model, params.network, len(classes))
    fill_network(network, paths.EARLY)
    model, device = on_best_device(network, params.predict.precision)
    with replacing(paths.LABEL_CHECK) as folder:
        (folder / "classes").mkdir(parents=True)
        checked: list[Checked] = []
        for split, files in files_by_split(paths.SEG_DATA, read_json(paths.SPLITS)).items():
            frames = load_frames(files, params.input, training=False, store=store_folder())
            batches = believed(frames, model, device, params.predict.batch_size)
            progress = tqdm(batches, f"check {split}", len(files), leave=False, disable=None)
            for file, seen, label, size in zip(files, progress, frames.labels, frames.sizes, strict=True):
                write_image(folder / "classes" / class_map(len(checked)), seen.best)
                joint = joint_histogram(seen.best, label)[: len(classes), : len(classes)]
                regions = find_regions(seen, label, params.check_labels.improbable)
                checked.append(Checked(split, file, size, joint, regions))
        ranked = rank(checked)
        write_findings(folder, checked, ranked, params, classes)
    print(f"{len(ranked)} places in {len(checked)} frames where the label is improbable to the network")


def believed(frames: Frames, model: nn.Module, device: torch.device, batch_size: int) -> Iterator[Beliefs]:
    """What the network believes of each frame, in one pass over it."""
    engine = torch_engine(model, frames.size, device)
    for start in range(0, len(frames), batch_size):
        batch = slice(start, start + batch_size)
        labels = frames.labels[batch]
        yield from beliefs(as_large_as(engine(frames.images[batch]), torch.from_numpy(labels)), labels)


def class_map(place: int) -> str:
    return f"{place + 1:05}.png"


def rank(checked: Sequence[Checked]) -> list[Ranked]:
    """All regions, the most suspicious first."""
    shares = habits(np.sum([frame.joint for frame in checked], axis=0))
    regions = [(place, region) for place, frame in enumerate(checked) for region in frame.regions]
    order = most_suspicious([region for _, region in regions], shares)
    return [(*regions[i], score) for i, score in order]


def write_findings(
    folder: Path, checked: Sequence[Checked], ranked: Sequence[Ranked], params: Params, classes: ClassSet
) -> None:
    """Write the two tables, and remove the class maps that the report won't show."""
    shown = {place for place, _, _ in ranked[: params.check_labels.shown]}
    for place in set(range(len(checked))) - shown:
        (folder / "classes" / class_map(place)).unlink()
    files = [(frame.split, frame.file.image.relative_to(paths.SEG_DATA), frame.size) for frame in checked]
    size, maps = (params.input.height, params.input.width), {place: class_map(place) for place in shown}
    write_rows(region_rows(ranked, files, size, classes.names, maps), folder / "regions.csv")
    write_rows(frame_rows(ranked, files, [int(frame.joint.sum()) for frame in checked]), folder / "frames.csv")


if __name__ == "__main__":
    run_stage(main)
