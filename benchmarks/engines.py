"""Measure how many frames a second each engine computes, network by network, all in one run on one machine.

python benchmarks/engines.py            prints a row a network; the table goes into benchmarks/README.md
    ROADSEG_REAL_DATA=FOLDER            adds the mIoU by each engine of EfficientViT-seg B0 on KITTI frames
"""

import os
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import page
from roadseg.data.kitti import find_frames
from roadseg.data.seg_data import import_frames, make_layout
from roadseg.frames.counting import VALUES, joint_histogram
from roadseg.frames.files import frame_files
from roadseg.frames.images import read_label
from roadseg.frames.store import load_frames
from roadseg.inference.engines import Exported
from roadseg.networks.catalogue import build_model
from roadseg.networks.fitting import fit_weights
from roadseg.networks.precision import reuse_freed_memory
from roadseg.networks.prediction import normalize, upsample_logits
from roadseg.networks.weights import read_tensors
from roadseg.pipeline.catalogues import read_params
from roadseg.pipeline.sections import Input
from roadseg.scoring.accuracy import cal_acc
from turns import Job, measure_all

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH, BATCH = 256, 864, 4
INPUT = Input(height=HEIGHT, width=WIDTH, resize="area")
CATALOGUE = read_params()["models"]
NETWORKS = ("effnet_b3_segformer", "mobilenet_v2_segformer", "mit_b0_segformer", "efficientvit_seg_b0")
REAL = os.environ.get("ROADSEG_REAL_DATA")
Logits = Callable[[np.ndarray], Tensor]  # images (N, H, W, 3) uint8 -> logits (N, C, h, w) float32


def main() -> None:
    engines = {name: make for name, make in ENGINES.items() if find_spec("openvino") or "OpenVINO" not in name}
    rows = []
    with tempfile.TemporaryDirectory(prefix="roadseg-bench-") as folder:
        for name in NETWORKS:
            found = measure_all([partial(pace_job, engine) for engine in engines], name, turns=3)
            rows.append((name, *(f"{BATCH / seconds:.1f}" for seconds, _ in found)))
            print(" | ".join(rows[-1]), flush=True)
        if REAL:
            make_layout(Path(folder))
            import_frames(Path(REAL, "data_semantics_32.zip"), Path(folder), find_frames)
            scores = measure_all([partial(score_job, engine) for engine in engines], Path(folder), turns=1, warm_up=0)
            rows.append(("mIoU of efficientvit_seg_b0, KITTI", *(f"{100 * miou:.2f} %" for _, miou in scores)))
            print(" | ".join(rows[-1]), flush=True)
    what = f"{page.machine()}; frames a second at {HEIGHT}x{WIDTH}, in batches of {BATCH}"
    page.replace_section("engines", f"{what}\n\n{page.table(('network', *engines), rows)}")


# --- the engines, each as `predict.engine` runs it


def torch_logits(network: nn.Module, precision: torch.dtype) -> Logits:
    reuse_freed_memory()
    network = network.to(memory_format=torch.channels_last)

    def logits(images: np.ndarray) -> Tensor:
        with torch.inference_mode(), torch.autocast("cpu", precision, enabled=precision != torch.float32):
            return network(normalize(torch.from_numpy(images))).float()

    return logits


def exported_logits(network: nn.Module, engine: str, bfloat16: bool = False) -> Logits:
    exported = Exported(engine, network, bfloat16)
    return lambda images: exported(normalize(torch.from_numpy(images)))


ENGINES: dict[str, Callable[[nn.Module], Logits]] = {
    "torch float32": partial(torch_logits, precision=torch.float32),
    "torch bfloat16": partial(torch_logits, precision=torch.bfloat16),
    "ONNX Runtime float32": partial(exported_logits, engine="onnxruntime"),
    "OpenVINO float32": partial(exported_logits, engine="openvino"),
    "OpenVINO bfloat16": partial(exported_logits, engine="openvino", bfloat16=True),
}


# --- what is measured, in a process for each engine


def pace_job(engine: str, name: str) -> Job:
    torch.manual_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, HEIGHT, WIDTH, 3), np.uint8)
    logits = ENGINES[engine](build_model(name, CATALOGUE[name], 19).eval())
    return lambda: logits(images).shape


def score_job(engine: str, folder: Path) -> Job:
    """The mIoU of 24 real frames by weights from Cityscapes, untouched."""
    network = build_model("efficientvit_seg_b0", CATALOGUE["efficientvit_seg_b0"], 19).eval()
    tensors = read_tensors(Path(REAL or "", "efficientvit_seg_b0_cityscapes.pt")).tensors
    network.load_state_dict(fit_weights(tensors, network, 19).matched)
    images, labels = real_frames(folder / "training")
    logits = ENGINES[engine](network)

    def miou() -> float:
        joint = np.zeros((VALUES, VALUES), dtype=np.int64)
        for image, label in zip(images, labels, strict=True):
            joint += joint_histogram(upsample_logits(logits(image[None])[0], label.shape[:2]), label)
        return cal_acc(joint)[0]

    return miou


def real_frames(folder: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    """The KITTI frames of a folder: pictures (N, H, W, 3) uint8 at the input size, labels at their own."""
    files = frame_files(folder, sorted(path.stem for path in (folder / "image").iterdir()))
    pictures = load_frames(files, INPUT, training=False, store=folder.parent / "store").images
    return pictures, [read_label(file.label) for file in files]


if __name__ == "__main__":
    main()
