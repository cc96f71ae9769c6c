"""The report's sentences, each from the run's own figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from roadseg.classes import NUM_CLASSES

TASK = (
    f"The task: give each pixel of a driving frame one of {NUM_CLASSES} classes, well and at little cost. The study's "
    "baseline, a plain convolutional encoder-decoder, reached 28.43 % mIoU on 50 KITTI frames at 66.97 GFLOPs: "
    "0.425 % per GFLOP."
)


def scores(score: Mapping[str, float], classes: Sequence[Mapping[str, Any]], test_frames: int, cost: str) -> str:
    present = sum(row["pixels"] > 0 for row in classes)
    return (
        f"mIoU is the mean over all {len(classes)} classes on {test_frames} test frames; a class that occurs nowhere "
        f"counts as 0. Over the {present} that occur it is {100 * score['miou_present']:.2f} %; pixel accuracy is "
        f"{100 * score['pixel_accuracy']:.2f} %, frequency-weighted IoU {100 * score['fw_iou']:.2f} %. {cost}"
    )


def cost(gflops_at_input: float, size: str) -> str:
    return (
        f"GFLOPs are fvcore's multiply-accumulates for one {size} image; "
        f"at the input size they are {gflops_at_input:.2f}."
    )


def other_network(counted: str, trained: str) -> str:
    if counted == trained:
        return ""
    return f"The cost is that of another network, {counted} (flops.network), so the efficiency is not this model's."


def selection(select: str, epoch: int, epochs: int, frames: Mapping[str, int]) -> str:
    how = {
        "val": f"by the mIoU of {frames['val']} frames held out from training",
        "test": "by the mIoU of the test frames themselves, which flatters the figures above",
        "last": "as the last, without looking",
    }[select]
    return f"Trained on {frames['train']} frames; of {epochs} epochs, number {epoch} was chosen {how}."


def limitations(
    source: str, frames: Mapping[str, int], select: str, seed: int, device: str, absent: Sequence[str]
) -> list[str]:
    """What a reader must know before trusting the figures."""
    origin = {
        "synthetic": "The frames are generated: the figures compare variants, but say nothing of real roads.",
        "kitti": "All frames are from one city and one car, in daylight (KITTI).",
        "seg_data": "The frames are the user's own; how they were split is not known here.",
    }[source]
    found = [
        origin,
        f"{frames['train']} training and {frames['test']} test frames: rare classes rest on few objects.",
    ]
    if select == "test":
        found.append("The epoch was chosen on the test frames.")
    elif select == "val":
        found.append(f"The epoch was chosen on {frames['val']} frames, so the choice itself is noisy.")
    if absent:
        found.append(f"No test frame holds {', '.join(absent)}: they count as 0 in the mIoU by definition.")
    found.append(f"One training with seed {seed}, on {device}; other hardware sums in a different order.")
    found.append("GFLOPs leave some operators out (metrics/flops.json names them) and are no measure of time.")
    return found
