"""The report's sentences, each from the run's own figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from roadseg.frames.classes import CITYSCAPES, NUM_CLASSES, ClassSet
from roadseg.report.sources import source_of

TASK = (
    f"The task: give each pixel of a driving frame one of {NUM_CLASSES} classes, well and at little cost. The study's "
    "baseline, a plain convolutional encoder-decoder, reached 28.43 % mIoU on 50 KITTI frames at 66.97 GFLOPs: "
    "0.425 % per GFLOP."
)


def task(classes: ClassSet) -> str:
    """Say what is to be done; what the study reached is of the Cityscapes classes alone."""
    if classes.names == CITYSCAPES.names:
        return TASK
    return f"The task: give each pixel of a frame one of {len(classes)} classes, well and at little cost."


def classes_in_words(classes: ClassSet) -> str:
    """Name a set of classes in a sentence.

    >>> classes_in_words(CITYSCAPES), classes_in_words(ClassSet(("other", "road"), ((0, 0, 0), (128, 64, 128))))
    ('19 Cityscapes classes', '2 classes: other, road')
    """
    if classes.names == CITYSCAPES.names:
        return f"{len(classes)} Cityscapes classes"
    return f"{len(classes)} classes: {', '.join(classes.names)}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in "1 frame" and "2 frames"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def title(model: str, source: str) -> str:
    return f"Road-scene segmentation: {model} on {source_of(source).name}"


def scores(score: Mapping[str, float], classes: Sequence[Mapping[str, Any]], test_frames: int, cost: str) -> str:
    return (
        f"mIoU is the mean over all {len(classes)} classes on {counted(test_frames, 'test frame')}; a class that "
        f"occurs nowhere counts as 0. Over those in the truth or a prediction it is "
        f"{100 * score['miou_present']:.2f} %; pixel accuracy is {100 * score['pixel_accuracy']:.2f} %, "
        f"frequency-weighted IoU {100 * score['fw_iou']:.2f} %. {cost}"
    )


def cost(flops: Mapping[str, Any], size: str) -> str:
    passes = " + ".join(f"{row['times']} x {row['size']}" for row in flops["passes"])
    return (
        f"GFLOPs are fvcore's multiply-accumulates for one {size} image, the study's rule; as it ran "
        f"({passes}) a frame costs {flops['gflops_ran']:.2f}."
    )


def other_network(counted: str, trained: str) -> str:
    if counted == trained:
        return ""
    return f"The cost is that of another network, {counted} (flops.network), so the efficiency is not this model's."


def selection(
    select: str,
    epoch: int,
    epochs: int,
    frames: Mapping[str, int],
    pretrained: str = "none",
) -> str:
    """Say what was trained on, and which weights of it were kept; `pretrained` is as in params.yaml."""
    if epochs == 0 and pretrained.startswith("exp:"):
        return f"Not trained further: the weights are those of {pretrained.removeprefix('exp:')}."
    if epochs == 0:
        return "Not trained on these frames: the weights are those that it started from."
    known = {
        "val": f"by the mIoU of {counted(frames['val'], 'frame')} held out from training",
        "test": "by the mIoU of the test data itself, which flatters the figures above",
        "last": "as the last, without looking",
        "all": "as the last, without looking: no frame was held out",
    }
    how = known.get(select, f"by the rule {select}")
    kept = f"number {epoch} was chosen {how}"
    trained = counted(trained_on(frames, select), "frame")
    return f"Trained on {trained}; of {counted(epochs, 'epoch')}, {kept}."


def trained_on(frames: Mapping[str, int], select: str) -> int:
    """Return how many frames are trained on, of a number by split: where none is held out, those of `val`, too."""
    return frames["train"] + (frames["val"] if select == "all" else 0)


def held_out(fold: str) -> str:
    """Say which frames a run of a fold tests on; nothing for any other.

    >>> held_out("none"), held_out("1/4")
    ('', ' Tested on part 1/4 of the training frames, left out of the training, and not on the test frames.')
    """
    if fold == "none":
        return ""
    return f" Tested on part {fold} of the training frames, left out of the training, and not on the test frames."


def suspects(shown: int, total: int) -> str:
    """Say what the places are where the label is improbable to the network.

    >>> suspects(0, 0)
    'Nowhere is a label improbable to the network.'
    """
    if not total:
        return "Nowhere is a label improbable to the network."
    which = f"the {counted(shown, 'most suspicious place')} of {total}" if shown < total else counted(total, "place")
    return (
        f"Where the label is improbable to the network: {which}, in training frames as well. Each is a wrong label, or "
        "a mistake that the network makes with conviction; data/label_check/regions.csv lists them with their boxes."
    )


def weakest(classes: Sequence[Mapping[str, Any]]) -> str:
    """Name the three classes of the lowest IoU among those that occur."""
    lowest = sorted((row for row in classes if row["pixels"]), key=lambda row: row["iou"])[:3]
    named = [f"{row['class']} ({100 * row['iou']:.1f} %)" for row in lowest]
    return f"The weakest of those that occur: {', '.join(named)}."


def limitations(
    source: str, frames: Mapping[str, int], select: str, seed: int, device: str, absent: Sequence[str]
) -> list[str]:
    """What a reader must know before trusting the figures."""
    found = [
        source_of(source).limit,
        f"{counted(trained_on(frames, select), 'training frame')} and {counted(frames['test'], 'test frame')}: "
        "rare classes rest on few objects.",
    ]
    if select == "test":
        found.append("The epoch was chosen on the test data itself.")
    elif select == "val":
        found.append(f"The epoch was chosen on {counted(frames['val'], 'frame')}, so the choice itself is noisy.")
    if absent:
        counts = "it counts" if len(absent) == 1 else "they count"
        found.append(f"No test frame holds {', '.join(absent)}: {counts} as 0 in the mIoU by definition.")
    found.append(f"One training with seed {seed}, on {device}; other hardware sums in a different order.")
    found.append("GFLOPs leave some operators out (metrics/flops.json names them) and are no measure of time.")
    return found
