"""Measure each part of the pipeline against the study's way of working, both in one run on one machine.

python benchmarks/parts.py [PART ...]    prints a row a part; all parts together go into benchmarks/README.md
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from segmentation_models_pytorch.losses import LovaszLoss
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

import page
import study_way
import train
from frame_files import kind_of_frames, write_frames
from predict import write_prediction
from roadseg.frames.augment import Augmented, build_policy
from roadseg.frames.batches import Batch, Batches, BatchSampler
from roadseg.frames.classes import CITYSCAPES
from roadseg.frames.counting import count_pixels_of_files
from roadseg.frames.crops import Crops
from roadseg.frames.files import FrameFiles
from roadseg.frames.images import read_label, write_image
from roadseg.frames.store import load_frames, load_whole_frames
from roadseg.inference.engines import Exported
from roadseg.inference.pictures import find_pictures
from roadseg.inference.predicting import WAITING, Predicted, predict_frames, shares_of
from roadseg.inference.reading import Unreadable, in_order, read_pictures
from roadseg.inference.writing import pictures_in
from roadseg.networks.catalogue import build_model
from roadseg.networks.precision import depthwise_in_float32, reuse_freed_memory, supported_precision
from roadseg.networks.prediction import predict, torch_engine, upsample_like
from roadseg.pipeline.catalogues import read_params, with_recipe
from roadseg.pipeline.machine import num_workers
from roadseg.pipeline.params import Train
from roadseg.pipeline.sections import Constant, Input, Strong
from roadseg.scoring.accuracy import cal_acc
from roadseg.scoring.class_weights import class_weights
from roadseg.scoring.folders import joint_histogram_of_files, matching_files
from roadseg.training.averaging import AveragedWeights
from roadseg.training.losses import build_loss
from roadseg.training.preparation import Frozen
from roadseg.training.schedules import build_schedule
from roadseg.training.state import Training
from turns import Job, Pair, measure

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH, BATCH = 256, 864, 4
INPUT = Input(height=HEIGHT, width=WIDTH, resize="area")
CPU = torch.device("cpu")
PARAMS, _ = with_recipe(read_params())
CATALOGUE = PARAMS["models"]
Row = tuple[str, str, str, str, str, str]


def main() -> None:
    parts: dict[str, Callable[[Path, list[FrameFiles]], list[Row]]] = {
        "loader": loader,
        "crops": crops,
        "loss": loss,
        "lovasz": lovasz,
        "upsampling": upsampling,
        "scoring": scoring,
        "weights": weights,
        "prediction": prediction,
        "sources": sources,
        "training": training,
        "memory": memory,
        "nothing": nothing_to_do,
    }
    chosen = sys.argv[1:] or list(parts)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="roadseg-bench-") as folder:
        files = write_frames(Path(folder, "frames"), 150)
        for name in chosen:
            found = parts[name](Path(folder), files)
            print("\n".join(" | ".join(cells) for cells in found), flush=True)
            rows += found
    if chosen == list(parts):
        header = ("part", "study", "here", "ratio", "goal", "result")
        page.replace_section("parts", f"{page.machine()}; frames: {kind_of_frames()}\n\n{page.table(header, rows)}")


def row(part: str, pair: Pair, goal: str, result: str) -> Row:
    return part, _seconds(pair.study), _seconds(pair.ours), f"{pair.ratio:.1f}", goal, result


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms"


# --- one epoch of the loader


def study_loader(_: Path, files: list[FrameFiles]) -> Job:
    batches = study_way.loader(files, HEIGHT, WIDTH, BATCH)
    return lambda: sum(len(images) for images, _ in batches)


def our_loader(folder: Path, files: list[FrameFiles]) -> Job:
    frames = load_frames(files, INPUT, training=True, store=folder)
    sampler = BatchSampler(len(frames), BATCH, seed=1, kind="fresh")
    batches, epochs = Batches(Augmented(frames, build_policy("study", 255)), sampler, num_workers()), count(1)
    return lambda: sum(len(batch.images) for batch in batches.of_epoch(next(epochs)))


def loader(folder: Path, files: list[FrameFiles]) -> list[Row]:
    pair = measure(study_loader, our_loader, folder, files)
    assert pair.study_result == pair.our_result == len(files)
    return [row(f"loader, an epoch of {len(files)} frames, 2 workers", pair, "6", "same policy")]


# --- one epoch of crops, which the study has nothing like


def crops(folder: Path, files: list[FrameFiles]) -> list[Row]:
    strong = Strong(**PARAMS["augmentation"]["strong"] | {"rare_class": 0.5})
    counts = count_pixels_of_files(file.label for file in files)
    source = Crops(load_whole_frames(files, folder), counts, Input(height=384, width=1248, resize="area"), strong)
    sampler = BatchSampler(len(files), BATCH, seed=1, kind="fresh")
    batches, times = Batches(Augmented(source, build_policy("strong", 255)), sampler, workers=2), []
    for epoch in range(6):
        started = time.perf_counter()
        assert sum(len(batch.images) for batch in batches.of_epoch(epoch)) == len(files)
        times.append(time.perf_counter() - started)
    rate = len(files) / sorted(times[1:])[2]
    part = f"loader, crops of {strong.crop_height}x{strong.crop_width} (`augment: strong`), 2 workers"
    return [(part, "", f"{rate:.0f} images/s", "", "40 images/s", "half by a rare class")]


# --- losses, and logits of an eighth of a crop's sides upsampled for them


def gradient_job(of: Callable[[Tensor], Tensor], logits: Tensor, weights: Tensor | None = None) -> Job:
    """A pass forward and backward; its result is a part of the gradient, enough to compare and quick to hand over."""

    def step() -> np.ndarray:
        logits.grad = None
        of(logits).backward(weights)
        assert logits.grad is not None
        return logits.grad.numpy()[:, :, ::8, ::8].copy()

    return step


def with_gradients(study: Callable[[], Job], ours: Callable[[], Job], part: str, goal: str, words: str = "") -> Row:
    pair = measure(study, ours, turns=9)
    apart = np.abs(pair.study_result - pair.our_result).max()
    return row(part, pair, goal, f"{words}gradients {apart:.0e} apart")


def loss_job(loss_of: Callable[[Tensor, Tensor], Tensor], height: int, width: int) -> Job:
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(BATCH, 19, height, width, generator=random).requires_grad_()
    targets = torch.randint(0, 19, (BATCH, height, width), generator=random)
    targets[torch.rand(targets.shape, generator=random) < 0.05] = 255
    return gradient_job(lambda logits: loss_of(logits, targets), logits)


def our_ce_dice() -> Job:
    return loss_job(build_loss("ce_dice"), HEIGHT, WIDTH)


def loss(_: Path, __: list[FrameFiles]) -> list[Row]:
    study = partial(loss_job, study_way.ce_dice, HEIGHT, WIDTH)
    return [with_gradients(study, our_ce_dice, "`ce_dice` forward and backward, float32", "2.4")]


def libraries_ce_lovasz(logits: Tensor, targets: Tensor) -> Tensor:
    of_some = LovaszLoss("multiclass", ignore_index=255)(logits[..., ::4, ::4], targets[:, ::4, ::4])
    return 0.5 * cross_entropy(logits, targets, ignore_index=255) + 0.5 * of_some


def lovasz_job(loss_of: Callable[[Tensor, Tensor], Tensor]) -> Job:
    reuse_freed_memory()  # for both, or clearing new pages would hide what differs
    return loss_job(loss_of, 384, 1248)


def lovasz(_: Path, __: list[FrameFiles]) -> list[Row]:
    study, ours = partial(lovasz_job, libraries_ce_lovasz), partial(lovasz_job, build_loss("ce_lovasz", every=4))
    part, words = "`ce_lovasz` forward and backward, crops of 384x1248, float32", "losses of torch and smp"
    return [with_gradients(study, ours, part, "1", f"{words} in place of the study's; ")]


def torch_upsampling(logits: Tensor, labels: Tensor) -> Tensor:
    return interpolate(logits.contiguous(), labels.shape[-2:], mode="bilinear", align_corners=False)


def upsampling_job(upsample: Callable[[Tensor, Tensor], Tensor]) -> Job:
    reuse_freed_memory()  # for both, or clearing new pages would hide what differs
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(BATCH, 19, 48, 156, generator=random).to(memory_format=torch.channels_last).requires_grad_()
    labels, weights = torch.zeros(BATCH, 384, 1248), torch.randn(BATCH, 19, 384, 1248, generator=random)
    return gradient_job(lambda logits: upsample(logits, labels), logits, weights)


def upsampling(_: Path, __: list[FrameFiles]) -> list[Row]:
    study, ours = partial(upsampling_job, torch_upsampling), partial(upsampling_job, upsample_like)
    part, words = "logits upsampled from 48x156 to 384x1248 and the gradient back, float32", "torch's operator"
    return [with_gradients(study, ours, part, "1", f"{words} in place of the study's; ")]


# --- scoring


def study_scoring(pred: Path, truth: Path) -> Job:
    return lambda: study_way.cal_acc(pred, truth)


def our_scoring(pred: Path, truth: Path) -> Job:
    return lambda: cal_acc(joint_histogram_of_files(matching_files(pred, truth)))


def scoring(folder: Path, files: list[FrameFiles]) -> list[Row]:
    pred, truth = folder / "pred", folder / "truth"
    for made in (pred, truth):
        made.mkdir()
    for frame in files[:50]:
        label = read_label(frame.label)
        write_image(truth / frame.label.name, label)
        write_image(pred / frame.label.name, np.roll(label, 3, axis=1) % 19)
    pair = measure(study_scoring, our_scoring, pred, truth)
    equal = pair.study_result[0] == pair.our_result[0] and np.array_equal(pair.study_result[1], pair.our_result[1])
    return [row("scoring 50 pairs from files", pair, "6.5", "equal to the last bit" if equal else "NOT EQUAL")]


# --- class weights


def study_weights(files: list[FrameFiles]) -> Job:
    batches = study_way.loader(files, HEIGHT, WIDTH, BATCH)
    return lambda: study_way.class_weights(batches)


def our_weights(files: list[FrameFiles]) -> Job:
    def job() -> np.ndarray:
        counts = count_pixels_of_files(file.label for file in files)
        class_weights(counts, "inverse", beta=0)
        return counts

    return job


def weights(_: Path, files: list[FrameFiles]) -> list[Row]:
    pair = measure(study_weights, our_weights, files)
    plain = [np.bincount(read_label(file.label).ravel(), minlength=256)[:19] for file in files]
    exact = np.array_equal(pair.our_result, plain)
    return [row(f"class weights, {len(files)} frames", pair, "10", "exact counts" if exact else "WRONG COUNTS")]


# --- prediction


def _network(name: str = "effnet_b3_segformer") -> nn.Module:
    torch.manual_seed(0)
    return build_model(name, CATALOGUE[name], 19)


def _ready(name: str, engine: str = "torch") -> nn.Module:
    """The network as the stage runs it on a CPU."""
    reuse_freed_memory()
    precision = supported_precision("bf16-mixed", CPU)
    if engine != "torch":
        return Exported(engine, _network(name), precision == "bf16-mixed")
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    return fabric.setup(_network(name).to(memory_format=torch.channels_last))


def _empty(folder: Path) -> Path:
    for colour in ("grey", "color"):
        (folder / colour).mkdir(parents=True, exist_ok=True)
    return folder


def study_prediction(folder: Path, files: list[FrameFiles]) -> Job:
    network, out = _network(), _empty(folder / "study")
    return lambda: len(list(study_way.predict(network, files, HEIGHT, WIDTH, out)))


def our_prediction(
    folder: Path,
    files: list[FrameFiles],
    name: str = "effnet_b3_segformer",
    target: Input = INPUT,
    engine: str = "torch",
) -> Job:
    model, out = _ready(name, engine), _empty(folder / "ours")
    names = [f"{file.image.stem}.png" for file in files]

    def job() -> int:
        with tempfile.TemporaryDirectory(dir=folder) as store, ThreadPoolExecutor() as pool:  # nothing stored before
            frames = load_frames(files, target, training=False, store=Path(store))
            maps = predict(torch_engine(model, frames.size, CPU), frames, range(len(frames)), BATCH, "bilinear")
            return len(list(pool.map(partial(write_prediction, out, classes=CITYSCAPES), names, maps)))

    return job


def prediction(folder: Path, files: list[FrameFiles]) -> list[Row]:
    part = "prediction of 50 frames to PNG, effnet_b3"
    rows = [row(part, measure(study_prediction, our_prediction, folder, files[:50], turns=2), "2", "see below")]
    if find_spec("openvino"):
        exported = partial(our_prediction, engine="openvino")  # in the turn before those that count
        pair = measure(study_prediction, exported, folder, files[:50], turns=2)
        rows.append(row(f"{part}, `predict.engine: openvino`", pair, "6", "exported before"))
    return rows


# --- any pictures, with overlays and the table, against the stage that writes neither


def any_pictures(folder: Path, files: list[FrameFiles], name: str, target: Input) -> Job:
    engine = torch_engine(_ready(name), (target.height, target.width), CPU)
    found = find_pictures("-", [bytes(file.image) for file in files], folder)
    output = pictures_in(folder / "sources", CITYSCAPES, 0.5)

    def write(one: Predicted | Unreadable) -> np.ndarray:
        assert isinstance(one, Predicted)
        output.write(one.frame, one.classes)
        return shares_of(one.classes, len(CITYSCAPES))

    def job() -> int:
        with ThreadPoolExecutor() as pool:
            predicted = predict_frames(engine, read_pictures(found, target), BATCH, "bilinear")
            jobs = (partial(write, one) for one in predicted)
            return len(list(in_order(pool, jobs, WAITING)))

    return job


def sources(folder: Path, files: list[FrameFiles]) -> list[Row]:
    rows: list[Row] = []
    for name, target in (("effnet_b3_segformer", INPUT), (PARAMS["model"], Input(**PARAMS["input"]))):
        pair = measure(our_prediction, any_pictures, folder, files[:50], name, target)
        assert pair.study_result == pair.our_result == 50
        result = f"{100 * pair.ratio:.0f} % of the pace of the stage, {_seconds(pair.study)}"
        rows.append((f"`predict.py SOURCE`, 50 pictures, {name}", "", _seconds(pair.ours), "", "95 %", result))
    return rows


# --- a training step


def study_training(name: str) -> Job:
    network = _network(name).train()
    optimizer = study_way.optimizer_of(network)
    images = torch.rand(BATCH, 3, HEIGHT, WIDTH)
    targets = torch.randint(0, 19, (BATCH, HEIGHT, WIDTH))
    return lambda: study_way.training_step(network, optimizer, images, targets)


def our_training(name: str, size: tuple[int, int] = (HEIGHT, WIDTH), batch_size: int = BATCH) -> Job:
    reuse_freed_memory()
    precision = supported_precision("bf16-mixed", CPU)
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    network = _network(name).to(memory_format=torch.channels_last)
    depthwise_in_float32(network, precision, CPU)
    section = Train(**PARAMS["train"] | {"batch_size": batch_size, "lr": 1e-4})
    model, optimizer = fabric.setup(network, train.build_optimizer(section, network))
    schedule, frozen = build_schedule(Constant(), optimizer, 1, 1), Frozen(network, section)
    averaged, loss_of = AveragedWeights(network), build_loss("ce_dice")
    one = Training(section, fabric, [], network, model, frozen, loss_of, optimizer, schedule, averaged)
    images = torch.randint(0, 256, (batch_size, *size, 3), dtype=torch.uint8)
    labels = torch.randint(0, 19, (batch_size, *size), dtype=torch.uint8)
    batches = [Batch(images, labels, batch_size)]
    return lambda: train.train_epoch(one, batches)


TRAINED = {"effnet_b3_segformer": "2.2", "mit_b2_segformer": "2", "mobilenet_v2_segformer": "2"}  # and the goals


def training(_: Path, __: list[FrameFiles]) -> list[Row]:
    part = f"training step, batch {BATCH}"
    pairs = {name: measure(study_training, our_training, name, turns=3) for name in TRAINED}
    return [row(f"{part}, {name}", pair, TRAINED[name], "see below") for name, pair in pairs.items()]


# --- memory


def peak_memory(maker: Callable[[str], Job], name: str) -> Job:
    job = maker(name)

    def steps() -> float:
        for _ in range(2):
            job()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # GiB

    return steps


def memory(_: Path, __: list[FrameFiles]) -> list[Row]:
    rows = []
    for name in TRAINED:
        makers = (partial(peak_memory, maker) for maker in (study_training, our_training))
        pair = measure(*makers, name, turns=1, warm_up=0)
        gib = (f"{pair.study_result:.2f} GiB", f"{pair.our_result:.2f} GiB")
        ratio = f"{pair.study_result / pair.our_result:.1f}"
        rows.append((f"peak memory of the training process, {name}", *gib, ratio, "1", "resident set"))
    return rows


# --- nothing to do


def nothing_to_do(_: Path, __: list[FrameFiles]) -> list[Row]:
    words, times = [sys.executable, "-m", "dvc"], []
    if subprocess.run([*words, "status", "-q"], cwd=ROOT).returncode:
        return [("`dvc repro` with nothing to do", "", "", "", "4 s", "not measured: the pipeline is not up to date")]
    for _turn in range(3):
        started = time.perf_counter()
        subprocess.run([*words, "repro"], cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return [("`dvc repro` with nothing to do", "", _seconds(sorted(times)[1]), "", "4 s", "")]


if __name__ == "__main__":
    main()
