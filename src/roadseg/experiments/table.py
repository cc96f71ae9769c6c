"""From finished experiments to the ablation's table, in its three forms."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from roadseg.experiments.comparisons import differing
from roadseg.experiments.dvc_runs import Run
from roadseg.experiments.pooling import confusion_of, with_pooled_miou
from roadseg.experiments.variants import Experiment, Experiments, Published, other_of
from roadseg.pipeline import paths
from roadseg.pipeline.stage import replacing
from roadseg.report.ablation import ablation_table, write_table
from roadseg.report.ablation_words import ablation_facts
from roadseg.report.pages import render
from roadseg.report.sources import data_name
from roadseg.report.tradeoff import plot_tradeoff


def row(experiments: Experiments, experiment: Experiment, run: Run | None) -> dict[str, Any]:
    """Return one run's line of the raw table; without a run its figures are None.

    Raises UserError where params.yaml can't be read.
    """
    variant = experiments.groups[experiment.group].variants[experiment.variant]
    other = other_of(experiments, experiment)
    return {
        "group": experiment.group,
        "variant": experiment.variant,
        "seed": str(experiment.seed) + ("" if experiment.fold == "none" else f" fold {experiment.fold}"),
        "data": data_name(experiment.params["data"]["source"], experiment.params["classes"], experiment.fold),
        "against": other.variant if other else "",
        "changed": ", ".join(differing(experiment.params, other.params)) if other else "",
        **{method: "Y" if method in variant.methods else "N" for method in experiments.methods},
        **_figures(run),
        "published": variant.published,
        "confusion": confusion_of(run) if run and experiment.fold != "none" else None,
    }


def _figures(run: Run | None) -> dict[str, float | None]:
    if run is None:
        return dict.fromkeys(("miou", "gflops", "gflops_ran", "params_m", "seconds"))
    cost = run.metrics[str(paths.FLOPS)]
    return {
        "miou": run.metrics[str(paths.SCORE)]["miou"],
        "gflops": cost["gflops"],
        "gflops_ran": cost["gflops_ran"],
        "params_m": cost["params_m"],
        "seconds": run.metrics[str(paths.TRAIN_TIMES)]["seconds"],
    }


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
