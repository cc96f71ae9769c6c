"""From finished experiments to the ablation's table, in its three forms."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from roadseg.experiments.runs import Run
from roadseg.experiments.variants import Experiment, Experiments, Published, differing, other_of
from roadseg.frames.counting import VALUES
from roadseg.pipeline import paths
from roadseg.pipeline.commands import git
from roadseg.pipeline.stage import replacing
from roadseg.report.ablation import ablation_facts, ablation_table, write_table
from roadseg.report.pages import render
from roadseg.report.sources import data_name
from roadseg.report.tradeoff import plot_tradeoff
from roadseg.scoring.accuracy import cal_acc


def write_forms(rows: Sequence[Mapping[str, Any]], published: Sequence[Published]) -> str:
    """Write the table of these rows as CSV, Markdown and a picture, and return the Markdown."""
    table = ablation_table(with_pooled_miou(rows))
    points = pd.DataFrame([dict(point) for point in published], columns=list(Published.model_fields))
    text = render("ablation.md.j2", ablation_facts(table, published=points)) + "\n"
    with replacing(paths.ABLATION.with_suffix(".csv")) as temporary:
        write_table(table, temporary)
    with replacing(paths.ABLATION.with_suffix(".md")) as temporary:
        temporary.write_text(text, encoding="utf-8")
    with replacing(paths.ABLATION.with_suffix(".png")) as temporary:
        plot_tradeoff(table, points, temporary)
    return text


def row(experiments: Experiments, experiment: Experiment, run: Run | None) -> dict[str, Any]:
    """Return one run's line of the raw table; without a run its figures are None.

    Raises UserError where params.yaml can't be read.
    """
    variant = experiments.groups[experiment.group].variants[experiment.variant]
    other, in_folds = other_of(experiments, experiment), experiment.fold != "none"
    return {
        "group": experiment.group,
        "variant": experiment.variant,
        "seed": f"{experiment.seed} fold {experiment.fold}" if in_folds else str(experiment.seed),
        "data": data_name(experiment.params["data"]["source"], experiment.params["classes"], experiment.fold),
        "against": other.variant if other else "",
        "changed": ", ".join(differing(experiment.params, other.params)) if other else "",
        **{method: "Y" if method in variant.methods else "N" for method in experiments.methods},
        **_figures(run),
        "published": variant.published,
        "confusion": confusion_of(run) if run and in_folds else None,
    }


def _figures(run: Run | None) -> dict[str, float | None]:
    if run is None:
        return dict.fromkeys(("miou", "gflops", "gflops_ran", "params_m", "seconds"))
    cost = run.metrics[str(paths.FLOPS)]
    return {
        "miou": run.metrics[str(paths.SCORE)]["miou"],
        **{name: cost[name] for name in ("gflops", "gflops_ran", "params_m")},
        "seconds": run.metrics[str(paths.TRAIN_TIMES)]["seconds"],
    }


# --- folds together: each test frame counts once; the mean of the folds' own mIoUs has classes as 0 that a fold lacks


def confusion_of(run: Run) -> np.ndarray:
    """Return a run's pixels by (true class, predicted class), (K, K) int64; UserError where its commit has none."""
    text = git("show", f"{run.rev}:./{paths.CONFUSION}")
    return pd.read_csv(StringIO(text), index_col=0).to_numpy()


def pooled_miou(confusions: Sequence[np.ndarray]) -> float:
    """Return the mIoU, as `cal_acc` defines it, of the sum of confusion matrices (K, K) int64."""
    total = np.sum(confusions, axis=0)
    joint = np.zeros((VALUES, VALUES), dtype=np.int64)
    joint[: len(total), : len(total)] = total
    return cal_acc(joint, len(total))[0]


def with_pooled_miou(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of single runs with `miou_pooled` of all runs of their variant in the place of `confusion`.

    None where one of them has no confusion matrix: it has not run, or is of no fold. Where all have none, there is no
    `miou_pooled` either.
    """
    found: dict[tuple[str, str], list[Any]] = {}
    for line in rows:
        found.setdefault((line["group"], line["variant"]), []).append(line["confusion"])
    pooled = {
        variant: None if any(matrix is None for matrix in matrices) else pooled_miou(matrices)
        for variant, matrices in found.items()
    }
    alone = [{key: value for key, value in line.items() if key != "confusion"} for line in rows]
    if not any(pooled.values()):
        return alone
    return [line | {"miou_pooled": pooled[line["group"], line["variant"]]} for line in alone]
