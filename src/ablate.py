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
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from roadseg.experiments.ray_sweep import sweep
from roadseg.experiments.runs import current_runs, finished_runs, run_experiment
from roadseg.experiments.table import row, write_forms
from roadseg.experiments.variants import Experiment, Experiments, choose, load_experiments
from roadseg.pipeline import paths
from roadseg.pipeline.commands import git
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.machine import share_of_cores
from roadseg.pipeline.stage import run
from roadseg.report.narrative import counted

LOGS = Path(".ablation")


def main() -> None:
    options = parse_arguments()
    experiments = load_experiments()
    chosen = choose(experiments, options.names, options.seeds, options.folds)
    match options.command:
        case "list":
            list_experiments(experiments, chosen)
        case "run":
            run_all(chosen, options)
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
    parser.add_argument("--folds", type=int, default=1, help="and test on each of FOLDS parts of the training frames")
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


def list_experiments(experiments: Experiments, chosen: list[Experiment]) -> None:
    runs = finished_runs()
    current = current_runs(chosen, runs)
    try:
        for one in chosen:
            state = "has run" if one.name in current else "outdated" if one.name in runs else "-"
            print(f"{one.name:32} {state:10} {experiments.groups[one.group].variants[one.variant].about}", flush=True)
    except BrokenPipeError:  # the reader has what it wants, as `| head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_all(chosen: list[Experiment], options: argparse.Namespace) -> None:
    """Run what has not run; a failure costs only that variant, and Ctrl-C leaves the finished ones."""
    refuse_uncommitted_code()
    current = current_runs(chosen, finished_runs())
    todo = [one for one in chosen if one.name not in current]
    verb = "has" if len(chosen) == 1 else "have"
    print(f"{len(current)} of {counted(len(chosen), 'variant')} {verb} run with these inputs; {len(todo)} to run")
    if not todo:
        return
    failures, done = [], "queued" if options.queue else "done"
    try:
        for one, reason in run_on_ray(todo, options) if options.ray else run_here(todo, options):
            where = f", output in {log_of(one)}" if options.ray else ""
            print(f"{one.name}: {f'failed: {reason}' if reason else done}{where}", flush=True)
            failures += [f"{one.name}: {reason}"] if reason else []
    except KeyboardInterrupt:
        raise UserError("interrupted; what had finished is kept, run again for the rest") from None
    if failures:
        rest = "; the others are done" if len(failures) < len(todo) else ""
        raise UserError("\n".join([*failures, f"{len(failures)} of {counted(len(todo), 'variant')} failed{rest}"]))


def refuse_uncommitted_code() -> None:
    deciding = "src", "dvc.yaml", str(paths.PARAMS), str(paths.CONF)
    if changed := git("status", "--porcelain", "--", *deciding).split("\n")[0]:
        raise UserError(f"{changed[3:]} is not committed; commit first, so that each result belongs to a commit")


def run_here(todo: list[Experiment], options: argparse.Namespace) -> Iterator[tuple[Experiment, str]]:
    """Yield each variant as it ends, with why it failed (or ""); on Ctrl-C nothing more is started."""
    environments = environments_of(options)
    free: SimpleQueue[dict[str, str]] = SimpleQueue()
    for environment in environments:
        free.put(environment)

    def run_one(experiment: Experiment) -> str:
        environment, log = free.get(), log_of(experiment)
        print(f"{experiment.name}: started, output in {log}", flush=True)
        reason = run_experiment(experiment, environment, log, options.queue)
        free.put(environment)
        return reason

    pool = ThreadPoolExecutor(len(environments))
    try:
        started = {pool.submit(run_one, one): one for one in todo}
        for ended in as_completed(started):
            yield started[ended], ended.result()
    finally:  # the running commands get the signal from the terminal themselves
        pool.shutdown(cancel_futures=True)


def environments_of(options: argparse.Namespace) -> list[dict[str, str]]:
    """An environment for each variant that may run at a time: its GPU, or its share of the cores."""
    if options.gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in options.gpus.split(",")]
    if options.jobs == 1:
        return [{}]
    threads = max(1, (os.cpu_count() or 1) // options.jobs)  # more threads than cores would wait for each other
    return [share_of_cores(threads)] * options.jobs


def run_on_ray(todo: list[Experiment], options: argparse.Namespace) -> Iterator[tuple[Experiment, str]]:
    """The same on the machines of a Ray cluster; each variant is fetched from the remotes as it ends."""
    LOGS.mkdir(exist_ok=True)
    for experiment, reason, output in sweep(todo, options.ray, options.gpu_share):
        log_of(experiment).write_text(output)
        yield experiment, reason


def log_of(experiment: Experiment) -> Path:
    return LOGS / f"{experiment.name}.log"


def make_table(experiments: Experiments, chosen: list[Experiment], partial: bool) -> None:
    """Write the table of the groups that have run; what is missing of one is refused, or stands in it as not run."""
    current = current_runs(chosen, finished_runs())
    if not current:
        raise UserError("none of these variants has run with the present code; python src/ablate.py run")
    started = {one.group for one in chosen if one.name in current}
    shown = [one for one in chosen if one.group in started]
    if (missing := [one.name for one in shown if one.name not in current]) and not partial:
        raise UserError(
            f"{len(missing)} of {counted(len(shown), 'run')} of this table {'is' if len(missing) == 1 else 'are'} "
            f"missing: {', '.join(missing)}; python src/ablate.py run {' '.join(sorted(started))}, or table --partial"
        )
    before = names_in_table()
    print(write_forms([row(experiments, one, current.get(one.name)) for one in shown], experiments.published))
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
