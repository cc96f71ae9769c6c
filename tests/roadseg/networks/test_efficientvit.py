"""EfficientViT-seg with its official weights gives what others measured on the same frames."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from roadseg.data.kitti import find_frames
from roadseg.data.seg_data import import_frames
from roadseg.frames.counting import VALUES, joint_histogram
from roadseg.frames.files import frame_files
from roadseg.frames.images import read_label
from roadseg.frames.store import load_frames
from roadseg.networks.catalogue import build_model
from roadseg.networks.fitting import fit_weights
from roadseg.networks.prediction import predict, torch_engine
from roadseg.networks.weights import read_tensors
from roadseg.pipeline.sections import Input
from roadseg.scoring.accuracy import cal_acc

REAL = Path(os.environ.get("ROADSEG_REAL_DATA", "not given"))
WEIGHTS, ARCHIVE = REAL / "efficientvit_seg_b0_cityscapes.pt", REAL / "data_semantics_32.zip"


@pytest.mark.skipif(not WEIGHTS.exists(), reason=f"ROADSEG_REAL_DATA names no folder with {WEIGHTS.name}")
def test_untouched_on_real_frames(tmp_path: Path) -> None:
    for split in ("training", "testing"):
        for kind in ("image", "label"):
            (tmp_path / split / kind).mkdir(parents=True)
    import_frames(ARCHIVE, tmp_path, find_frames)
    images = (path for split in ("training", "testing") for path in (tmp_path / split / "image").iterdir())
    files = [file for path in sorted(images) for file in frame_files(path.parents[1], [path.stem])]
    model = build_model("b0", {"arch": "efficientvit_seg_b0"}, 19)
    model.load_state_dict(fit_weights(read_tensors(WEIGHTS).tensors, model, 19).matched)
    for height, width, miou in ((256, 864, 0.495), (384, 1248, 0.556), (512, 1696, 0.592)):
        target = Input(height=height, width=width, resize="area")
        frames = load_frames(files, target, training=False, store=tmp_path / "store")
        joint = np.zeros((VALUES, VALUES), dtype=np.int64)
        engine = torch_engine(model, frames.size, torch.device("cpu"))
        maps = predict(engine, frames, range(len(files)), 1, "bilinear")
        for file, classes in zip(files, maps, strict=True):
            joint += joint_histogram(classes, read_label(file.label))
        assert cal_acc(joint)[0] == pytest.approx(miou, abs=0.003)
