"""Measure how time and memory grow with the number of frames, the input size and the batch.

python benchmarks/growth.py      writes growth.png and the tables in README.md beside this file
"""

import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

import page
from frame_files import kind_of_frames, write_frames
from parts import HEIGHT, INPUT, WIDTH, our_training
from roadseg.frames.augment import Augmented, build_policy
from roadseg.frames.batches import Batches, BatchSampler
from roadseg.frames.counting import count_pixels_of_files
from roadseg.frames.store import Frames, load_frames
from roadseg.pipeline.machine import num_workers
from roadseg.scoring.folders import joint_histogram_of_files

FRAMES = (150, 600, 2400)
SIZES = ((128, 416), (192, 640), (256, 864))
BATCHES = (2, 4, 8)
NETWORK = "resnet18_segformer"
PICTURE = Path(__file__).parent / "growth.png"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="roadseg-bench-") as folder:
        by_frames = [apart(frames_row, Path(folder, str(count)), count) for count in FRAMES]
    by_size = [apart(training_row, size, 4) for size in SIZES]
    by_batch = [apart(training_row, SIZES[-1], batch) for batch in BATCHES]
    draw(by_frames, by_size, by_batch)
    page.replace_section("growth", report(by_frames, by_size, by_batch))


def apart(function: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
    """Call it in a process of its own, whose peak memory is then its own."""
    context, as_usual = multiprocessing.get_context("spawn"), partial(multiprocessing.set_start_method, None, True)
    with ProcessPoolExecutor(1, mp_context=context, initializer=as_usual) as pool:
        row = pool.submit(function, *arguments).result()
    print(", ".join(f"{key} {value:.3g}" for key, value in row.items()), flush=True)
    return row


def seconds(job: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = job()
    return time.perf_counter() - started, result


def frames_row(folder: Path, count: int) -> dict[str, float]:
    """What takes time for each frame, from files on disk."""
    files = write_frames(folder, count)
    load = partial(load_frames, files, INPUT, training=True, store=folder)
    cold, _ = seconds(load)
    warm, frames = seconds(load)
    epoch, memory = epoch_of(frames)
    labels = [file.label for file in files]
    weights, _ = seconds(partial(count_pixels_of_files, labels))
    scoring, _ = seconds(partial(joint_histogram_of_files, zip(labels, labels, strict=True)))
    stored = (frames.images.nbytes + frames.labels.nbytes) / 2**20
    return {
        "frames": count,
        "decode and store": cold,
        "open again": warm,
        "loader epoch": epoch,
        "class weights": weights,
        "scoring": scoring,
        "stored MiB": stored,
        "memory MiB": memory,
    }


def epoch_of(frames: Frames) -> tuple[float, float]:
    """The second epoch's seconds, and MiB that all processes hold at its end and the system can't take back."""
    sampler = BatchSampler(len(frames), 4, seed=1, kind="fresh")
    batches = Batches(Augmented(frames, build_policy("study", 255)), sampler, num_workers())
    sum(1 for _ in batches.of_epoch(0))
    took, _ = seconds(lambda: sum(1 for _ in batches.of_epoch(1)))
    return took, sum(held_memory(pid) for pid in ["self", *(str(p.pid) for p in multiprocessing.active_children())])


def held_memory(pid: str) -> float:
    """MiB of a process that are not backed by files; what is shared counts in parts (Linux)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Pss_Anon", "Pss_Shmem"))) / 1024


def training_row(size: tuple[int, int], batch: int) -> dict[str, float]:
    """A training step of the default network."""
    step = our_training(NETWORK, size=size, batch_size=batch)
    step()
    took = statistics.median(seconds(step)[0] for _ in range(5))
    return {
        "height": size[0],
        "width": size[1],
        "batch": batch,
        "step": took,
        "images per second": batch / took,
        "memory MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


Rows = Sequence[dict[str, float]]


def report(by_frames: Rows, by_size: Rows, by_batch: Rows) -> str:
    timed = ("decode and store", "open again", "loader epoch", "class weights", "scoring")
    first = page.table(
        ("frames", *(f"{part}, s" for part in timed), "stored, MiB", "held in memory, MiB"),
        [
            (
                f"{row['frames']}",
                *(f"{row[part]:.2f}" for part in timed),
                f"{row['stored MiB']:.0f}",
                f"{row['memory MiB']:.0f}",
            )
            for row in by_frames
        ],
    )
    second = page.table(
        ("input", "batch", "step, ms", "images/s", "peak memory, MiB"),
        [
            (
                f"{row['height']}x{row['width']}",
                f"{row['batch']}",
                f"{1000 * row['step']:.0f}",
                f"{row['images per second']:.1f}",
                f"{row['memory MiB']:.0f}",
            )
            for row in [*by_size, *(row for row in by_batch if row["batch"] != 4)]
        ],
    )
    return f"{page.machine()}; frames: {kind_of_frames()}\n\n{first}\n\nTraining steps of `{NETWORK}`:\n\n{second}"


def draw(by_frames: Rows, by_size: Rows, by_batch: Rows) -> None:
    """Straight lines in these panels are costs that grow in proportion."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for part in ("decode and store", "open again", "loader epoch", "class weights", "scoring"):
        axes[0].loglog([row["frames"] for row in by_frames], [row[part] for row in by_frames], marker="o", label=part)
    axes[0].set(xlabel="frames", ylabel="seconds", title="by frames", xticks=FRAMES, xticklabels=FRAMES)
    axes[0].minorticks_off()
    axes[0].legend()
    pixels = [row["height"] * row["width"] / 1000 for row in by_size]
    for axis, x, rows, label in (
        (axes[1], pixels, by_size, "thousand input pixels (batch 4)"),
        (axes[2], [row["batch"] for row in by_batch], by_batch, f"batch ({HEIGHT}x{WIDTH})"),
    ):
        axis.plot(x, [row["step"] for row in rows], marker="o", color="C0", label="seconds a step")
        axis.plot(x, [row["memory MiB"] / 1024 for row in rows], marker="s", color="C1", label="peak memory, GiB")
        axis.set(xlabel=label, xlim=(0, None), ylim=(0, None), title=f"a training step, {NETWORK}")
        axis.legend()
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
