"""Run the variants of experiments.yaml as DVC experiments, and put their results into one table.

python src/ablate.py list                    the variants, and which of them have run
python src/ablate.py run [NAMES] [options]   run groups or variants; what has run with the same inputs doesn't run again
python src/ablate.py run [NAMES] --ray ADDR   the same on the machines of a Ray cluster
python src/ablate.py table [NAMES]           metrics/ablation.csv, ablation.md and ablation.png from what has run; where
                                             some of a group's variants have not, only with --partial
"""

import argparse
import csv
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from roadseg.experiments.dvc_runs import Run, finished_runs, is_current, run_experiment
from roadseg.experiments.ray_sweep import sweep
from roadseg.experiments.table import row, write_forms
from roadseg.experiments.variants import Experiment, Experiments, choose, load_experiments
from roadseg.pipeline import paths
from roadseg.pipeline.commands import git
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.machine import share_of_cores
from roadseg.pipeline.stage import run
from roadseg.report.narrative import counted

LOGS = Path(".ablation")
INTERRUPTED = "interrupted; what had finished is kept, run again for the rest"


def main() -> None:
    options = parse_arguments()
    experiments = load_experiments()
    chosen = choose(experiments, options.names, options.seeds, options.folds)
    match options.command:
        case "list":
            list_experiments(experiments, chosen)
        case "run" if options.ray:
            run_on_ray(chosen, options.ray, options.gpu_share)
        case "run":
            run_all(chosen, environments_of(options), options.queue)
        case "table":
            make_table(experiments, chosen, options.partial)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Run the variants of experiments.yaml and compare them.",
        epilog="example: python src/ablate.py run quick --seeds 3 && python src/ablate.py table quick --seeds 3",
    )
    parser.add_argument("command", choices=["list", "run", "table"])
    parser.add_argument("names", nargs="*", help="groups, or variants as GROUP-VARIANT; none: all")
    parser.add_argument("--seeds", type=int, default=1, help="repeat each variant with seeds 1..SEEDS")
    parser.add_argument(
        "--folds", type=int, default=1, help="and with each of so many parts of the training frames held out"
    )
    parser.add_argument("--gpus", help="run one variant at a time on each of these GPUs, as in 0,1")
    parser.add_argument("--jobs", type=int, default=1, help="how many variants to run at a time on the CPU")
    parser.add_argument("--queue", action="store_true", help="add them to DVC's queue; then run dvc queue start")
    parser.add_argument("--ray", metavar="ADDRESS", help="run them on this Ray cluster: HOST:PORT, or auto")
    parser.add_argument("--gpu-share", type=float, metavar="X", help="with --ray: the GPUs for each variant, as in 0.5")
    parser.add_argument("--partial", action="store_true", help="of table: though some variants have not run")
    options = parser.parse_args()
    for name in ("seeds", "folds", "jobs"):
        if (number := getattr(options, name)) < 1:
            raise UserError(f"--{name} {number} is too few; choose 1 or more")
    if options.ray and (options.gpus or options.queue or options.jobs != 1):
        raise UserError("--ray assigns the machines itself; leave out --gpus, --jobs and --queue")
    if options.gpu_share is not None and not options.ray:
        raise UserError("--gpu-share goes with --ray; on this machine use --gpus")
    return options


def environments_of(options: argparse.Namespace) -> list[dict[str, str]]:
    """An environment for each variant that may run at a time: its GPU, or its share of the cores."""
    if options.gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in options.gpus.split(",")]
    if options.jobs == 1:
        return [{}]
    threads = max(1, (os.cpu_count() or 1) // options.jobs)  # more threads than cores would wait for each other
    return [share_of_cores(threads)] * options.jobs


def list_experiments(experiments: Experiments, chosen: list[Experiment]) -> None:
    runs = finished_runs()
    for experiment in chosen:
        variant = experiments.groups[experiment.group].variants[experiment.variant]
        print(f"{experiment.name:32} {state(experiment, runs):10} {variant.about}")


def state(experiment: Experiment, runs: Mapping[str, Run]) -> str:
    if experiment.name not in runs:
        return "-"
    return "has run" if is_current(runs[experiment.name], experiment) else "outdated"


def run_all(chosen: list[Experiment], environments: list[dict[str, str]], queue: bool) -> None:
    """Run what has not run; a failure costs only that variant, and Ctrl-C leaves the finished ones."""
    todo = not_run(chosen)
    free: SimpleQueue[dict[str, str]] = SimpleQueue()
    for environment in environments:
        free.put(environment)

    def run_one(experiment: Experiment) -> str:
        environment, log = free.get(), LOGS / f"{experiment.name}.log"
        print(f"{experiment.name}: started, output in {log}", flush=True)
        reason = run_experiment(experiment, environment, log, queue)
        free.put(environment)
        print(f"{experiment.name}: {f'failed: {reason}' if reason else 'queued' if queue else 'done'}", flush=True)
        return f"{experiment.name}: {reason}" if reason else ""

    with interruptible(ThreadPoolExecutor(len(environments))) as pool:
        raise_failures([reason for reason in pool.map(run_one, todo) if reason], len(todo))


def run_on_ray(chosen: list[Experiment], address: str, gpu_share: float | None) -> None:
    """The same on the machines of a Ray cluster; each variant is fetched from the remotes as it ends."""
    todo, failures = not_run(chosen), []
    LOGS.mkdir(exist_ok=True)
    try:
        for experiment, reason, output in sweep(todo, address, gpu_share) if todo else ():
            log = LOGS / f"{experiment.name}.log"
            log.write_text(output)
            print(f"{experiment.name}: {f'failed: {reason}' if reason else 'done'}, output in {log}", flush=True)
            failures += [f"{experiment.name}: {reason}"] if reason else []
    except KeyboardInterrupt:
        raise UserError(INTERRUPTED) from None
    raise_failures(failures, len(todo))


def not_run(chosen: list[Experiment]) -> list[Experiment]:
    """Those that have not run with the present inputs; the code must be committed."""
    refuse_uncommitted_code()
    runs = finished_runs()
    todo = [experiment for experiment in chosen if state(experiment, runs) != "has run"]
    verb = "has" if len(chosen) == 1 else "have"
    ready = f"{len(chosen) - len(todo)} of {counted(len(chosen), 'variant')} {verb} run with these inputs"
    print(f"{ready}; {len(todo)} to run")
    return todo


def raise_failures(failures: list[str], count: int) -> None:
    if failures:
        rest = "; the others are done" if len(failures) < count else ""
        raise UserError("\n".join([*failures, f"{len(failures)} of {counted(count, 'variant')} failed{rest}"]))


@contextmanager
def interruptible(pool: ThreadPoolExecutor) -> Iterator[ThreadPoolExecutor]:
    """A pool that on Ctrl-C starts nothing more; the running commands get the signal from the terminal themselves."""
    try:
        yield pool
    except KeyboardInterrupt:
        raise UserError(INTERRUPTED) from None
    finally:
        pool.shutdown(cancel_futures=True)


def refuse_uncommitted_code() -> None:
    if changed := git("status", "--porcelain", "--", "src", "dvc.yaml", str(paths.PARAMS)).split("\n")[0]:
        raise UserError(f"{changed[3:]} is not committed; commit first, so that each result belongs to a commit")


def make_table(experiments: Experiments, chosen: list[Experiment], partial: bool) -> None:
    """Write the table of the groups that have run; what is missing of one is refused, or stands in it as not run."""
    runs = finished_runs()
    current = {experiment.name: runs[experiment.name] for experiment in chosen if state(experiment, runs) == "has run"}
    if not current:
        raise UserError("none of these variants has run with the present code; python src/ablate.py run")
    started = {experiment.group for experiment in chosen if experiment.name in current}
    shown = [experiment for experiment in chosen if experiment.group in started]
    if (missing := [experiment.name for experiment in shown if experiment.name not in current]) and not partial:
        raise UserError(
            f"{len(missing)} of {counted(len(shown), 'run')} of this table {'is' if len(missing) == 1 else 'are'} "
            f"missing: {', '.join(missing)}; python src/ablate.py run {' '.join(sorted(started))}, or table --partial"
        )
    before = names_in_table()
    rows = [row(experiments, experiment, current.get(experiment.name)) for experiment in shown]
    print(write_forms(rows, experiments.published))
    if missing:
        print(f"not run with the present code: {', '.join(missing)}")
    if gone := [name for name in before if name not in names_in_table()]:
        print(f"no longer in the table: {', '.join(gone)}")


def names_in_table() -> list[str]:
    """The variants in the table that is there now, as GROUP-VARIANT."""
    if not (file := paths.ABLATION.with_suffix(".csv")).exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return [f"{line.get('group')}-{line.get('variant')}" for line in csv.DictReader(lines)]


if __name__ == "__main__":
    run(main)
