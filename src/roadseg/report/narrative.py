"""The report's sentences, each from the run's own figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roadseg.frames.classes import CITYSCAPES, NUM_CLASSES, ClassSet
from roadseg.pipeline.params import Train
from roadseg.pipeline.sections import Passes
from roadseg.report.sources import source_of

TASK = (
    f"The task: give each pixel of a driving frame one of {NUM_CLASSES} classes, well and at little cost. The study's "
    "baseline, a plain convolutional encoder-decoder, reached 28.43 % mIoU on 50 KITTI frames at 66.97 GFLOPs: "
    "0.425 % per GFLOP."
)
_FEW = 10  # frames that hold a class


@dataclass(frozen=True)
class Training:
    """What was trained, and which of its weights the result has."""

    source: str  # where the frames come from
    fold: str  # none, or 1/4 for the first of four
    frames: Mapping[str, int]  # how many, by split
    pretrained: str
    seed: int
    select: str  # the rule that chose the epoch
    epochs: int
    epoch: int  # the chosen one
    device: str

    @property
    def frames_trained_on(self) -> int:
        return self.frames["train"] + (self.frames["val"] if self.select == "all" else 0)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in "1 frame" and "2 frames"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def title(model: str, source: str) -> str:
    """Return the report's heading: the model and the data."""
    return f"Road-scene segmentation: {model} on {source_of(source).name}"


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


# --- how it was trained


def weights(train: Train) -> str:
    """Say how the result's weights follow from those of the training.

    Those of one epoch, unless they are a moving average, partly the pretrained ones, or adjusted.
    """
    share = 100 * train.weight_interpolation
    parts = [
        f"exponential moving average, decay {train.ema:g}" if train.ema else "",
        f"{share:g} % of the pretrained ones (WiSE-FT)" if share else "",
        f"logit adjustment of {train.logit_adjustment:g}" if train.logit_adjustment else "",
    ]
    return ", ".join(filter(None, parts)) or "one epoch's"


def fine_tuning(train: Train) -> str:
    """Say what differs from training all weights alike."""
    parts = [
        "batch norm statistics frozen" if train.batch_norm == "frozen" else "",
        f"gradients clipped at {train.clip:g}" if train.clip else "",
        {"none": "", "encoder": "encoder frozen"}.get(train.freeze, f"encoder frozen for {train.freeze} epochs"),
        "weight decay on weights alone" if train.decay == "weights" else "",
    ]
    return ", ".join(filter(None, parts)) or "all weights alike"


def prediction_passes(passes: Passes) -> str:
    """Say of which passes a prediction is the mean.

    >>> prediction_passes(Passes(flip=True, scales=[1.0, 1.5], window_height=None, window_width=None, overlap=0.3))
    'mirrored as well, scales 1, 1.5'
    """
    windows = [str(side or "all") for side in (passes.window_height, passes.window_width)]
    parts = [
        "mirrored as well" if passes.flip else "",
        f"scales {', '.join(f'{scale:g}' for scale in passes.scales)}" if passes.scales != [1.0] else "",
        f"sliding window of {'x'.join(windows)}" if windows != ["all", "all"] else "",
    ]
    return ", ".join(filter(None, parts)) or "none"


def selection(run: Training) -> str:
    """Say what was trained on, and which epoch's weights the result has."""
    fold = f" The tested frames are fold {run.fold} of the training frames." if run.fold != "none" else ""
    if run.epochs == 0:
        start = "its pretrained ones"
        if run.pretrained.startswith("exp:"):
            start = f"those of {run.pretrained.removeprefix('exp:')}"
        return f"Not trained on these frames: the weights are {start}.{fold}"
    last = "of the last epoch"
    of = {
        "val": f"of epoch {run.epoch}, the best by mIoU on the validation set of {counted(run.frames['val'], 'frame')}",
        "test": f"of epoch {run.epoch}, the best by mIoU on the test set itself, which flatters the figures above",
        "last": last,
        "all": f"{last}; no frame was left out for a validation set",
    }.get(run.select, f"of epoch {run.epoch}, chosen by the rule {run.select}")
    trained = f"{counted(run.frames_trained_on, 'frame')} for {counted(run.epochs, 'epoch')}"
    return f"Trained on {trained}; the weights are those {of}.{fold}"


def limitations(run: Training, absent: Sequence[str]) -> list[str]:
    """Say what a reader must know before trusting the figures; no test frame holds the classes `absent`."""
    found = [
        source_of(run.source).limit,
        f"{counted(run.frames_trained_on, 'training frame')} and {counted(run.frames['test'], 'test frame')}: "
        "rare classes rest on few objects.",
    ]
    if run.select == "test":
        found.append("The epoch was chosen on the test set itself.")
    elif run.select == "val":
        found.append(f"The epoch was chosen on {counted(run.frames['val'], 'frame')}, so the choice itself is noisy.")
    if absent:
        counts = "it counts" if len(absent) == 1 else "they count"
        found.append(f"No test frame holds {', '.join(absent)}: {counts} as 0 in the mIoU by definition.")
    found.append(f"One training with seed {run.seed}, on {run.device}; other hardware sums in a different order.")
    found.append("GFLOPs leave some operators out (metrics/flops.json names them) and are no measure of time.")
    return found


# --- how good it is, and what it costs


def scores(score: Mapping[str, float], classes: Sequence[Mapping[str, Any]], test_frames: int, cost: str) -> str:
    """Return the sentences below the scores: which classes each is a mean of."""
    return (
        f"mIoU is the mean over all {len(classes)} classes on {counted(test_frames, 'test frame')}; a class that "
        f"occurs nowhere counts as 0. Over those in the ground truth or a prediction it is "
        f"{100 * score['miou_present']:.2f} %; pixel accuracy is {100 * score['pixel_accuracy']:.2f} %, "
        f"frequency-weighted IoU {100 * score['fw_iou']:.2f} %. {cost}"
    )


def cost(flops: Mapping[str, Any], size: str) -> str:
    """Return the sentences below the cost: what was counted, for which image size."""
    passes = " + ".join(f"{row['times']} x {row['size']}" for row in flops["passes"])
    return (
        f"GFLOPs are fvcore's multiply-accumulates for one {size} image, the study's rule; as it ran "
        f"({passes}) a frame costs {flops['gflops_ran']:.2f}."
    )


def other_network(counted: str, trained: str) -> str:
    """Return a sentence where the cost is that of another network than the trained one, else nothing."""
    if counted == trained:
        return ""
    return f"The cost is that of another network, {counted} (flops.network), so the efficiency is not this model's."


def weakest(classes: Sequence[Mapping[str, Any]]) -> str:
    """Name the three classes of the lowest IoU among those that occur."""
    lowest = sorted((row for row in classes if row["pixels"]), key=lambda row: row["iou"])[:3]
    named = [f"{row['class']} ({100 * row['iou']:.1f} %)" for row in lowest]
    return f"The weakest of those that occur: {', '.join(named)}."


def summary(headline: Mapping[str, float], miou_present: float, where: str) -> str:
    """Say in five lines what a run came to: `where` is its report."""
    miou, present = headline["miou_percent"], 100 * miou_present
    return (
        f"mIoU        {miou:.2f} %  ({present:.2f} % over the classes that occur)\n"
        f"cost        {headline['gflops']:.2f} GFLOPs\n"
        f"as it ran   {headline['gflops_ran']:.2f}\n"
        f"efficiency  {headline['efficiency']:.3f} % per GFLOP, {headline['efficiency_ran']:.3f} as it ran\n"
        f"report      {where}\n"
    )


# --- what a page shows


def frames_shown(shown: int, total: int) -> str:
    """Say which test frames a page shows, and in which order.

    >>> frames_shown(200, 500)
    'The worst 200 of 500 test frames, lowest mIoU first, over the classes in a frame or its prediction.'
    """
    if total == 1:
        return "The only test frame; its mIoU is over the classes in it or its prediction."
    which = f"All {counted(total, 'test frame')}" if shown == total else f"The worst {shown} of {total} test frames"
    return f"{which}, lowest mIoU first, over the classes in a frame or its prediction."


def suspects(shown: int, listed: int, total: int) -> str:
    """Say what the places are where the label is improbable to the network: some are shown, more listed in a file.

    >>> suspects(0, 0, 0)
    'Nowhere is a label improbable to the network.'
    """
    if not total:
        return "Nowhere is a label improbable to the network."
    which = f"the {counted(shown, 'most suspicious place')} of {total}" if shown < total else counted(total, "place")
    lists = f"the first {listed}" if listed < total else "them"
    return (
        f"Where the label is improbable to the network: {which}, in training frames as well. Each is a wrong label or "
        f"the network's mistake; data/label_check/regions.csv lists {lists} with their boxes."
    )


def scarce_classes(survey: Mapping[str, Any]) -> str:
    """Say which classes of a survey of the data one split lacks, or few frames of its first split hold."""
    splits = survey["splits"]
    total = splits[0]["frames"] if splits else 0  # where that is few itself, all classes are
    rare = [row for row in survey["classes"] if 0 < row["frames"][0] < _FEW <= total]
    few = [f"{row['class']} ({row['frames'][0]})" for row in rare]
    absent = []
    for row in survey["classes"]:
        if lacking := [split["split"] for split, frames in zip(splits, row["frames"], strict=True) if not frames]:
            absent.append(f"{row['class']} ({', '.join(lacking)})")
    named = f"In no frame of a split: {'; '.join(absent)}." if absent else "Each class occurs in each split."
    return named + (f" In fewer than {_FEW} frames of {splits[0]['split']}: {', '.join(few)}." if few else "")
