"""Run experiments on the machines of a Ray cluster: `python src/ablate.py run --ray ADDRESS`.

Each is a Ray task that works in a clone of its own (`clone_run.py`); its results come back by way of the git and DVC
remotes. Where a worker or its machine dies, Ray runs the task again elsewhere.
"""

import json
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from roadseg.experiments.clone_run import attempt, check_dvc_remote
from roadseg.experiments.runs import remove_experiment
from roadseg.experiments.variants import Experiment
from roadseg.pipeline.commands import dvc, git, reason_in
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.machine import share_of_cores

RETRIES = 3  # runs of an experiment after the first, each where a worker has died
POLL = 1.0  # seconds between two looks at what has started


def sweep(
    experiments: list[Experiment], address: str, gpu_share: float | None
) -> Iterator[tuple[Experiment, str, str]]:
    """Run all of them and print what starts where; yield each as it ends, with why it failed (or "") and its output.

    By then, one that succeeded is among the experiments of this repository.
    Raises UserError where the remotes, the cluster or `gpu_share` don't allow it.
    """
    url, commit = pushed_commit()
    check_dvc_remote()
    ray = connect(address)
    try:
        gpus, cores = shares(ray.nodes(), gpu_share)
        dvc("push")  # what the commit has in the cache, so that others need not make it again
        print(f"CPU cores for each variant: {cores}; GPUs: {gpus:g}", flush=True)
        environment = share_of_cores(cores) | ({} if gpus else {"CUDA_VISIBLE_DEVICES": ""})
        notes = note_queue(ray)
        task = ray.remote(num_gpus=gpus, num_cpus=cores, max_retries=RETRIES)(attempt)
        orders = [(x.name, json.dumps(asdict(x)), url, commit, environment, notes.put) for x in experiments]
        tasks = {task.remote(*order): x for order, x in zip(orders, experiments, strict=True)}
        for experiment, code, output in ended(ray, tasks, notes):
            yield experiment, reason_in(output) if code else pull_experiment(experiment.name, commit), output
    finally:
        ray.shutdown()  # ends what still runs


def pushed_commit() -> tuple[str, str]:
    """Return the URL of `origin` and the present commit; UserError where others could not clone that from there."""
    try:
        url = git("remote", "get-url", "origin").strip()
    except UserError:
        raise UserError(
            "there is no git remote `origin` for the workers to clone; git remote add origin URL, git push"
        ) from None
    git("fetch", "--quiet", "origin")
    commit = git("rev-parse", "HEAD").strip()
    if not git("for-each-ref", "--contains", commit, "refs/remotes/origin"):
        raise UserError(f"commit {commit[:7]} is not in {url}, from where the workers clone it; git push first")
    return str(Path(url).resolve()) if Path(url).is_dir() else url, commit


def connect(address: str) -> Any:
    """Return the module ray, connected to a cluster; UserError where Ray is not installed or none answers."""
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "1")  # 41 s where something else answers; by default 14 minutes
    try:
        ray: Any = import_module("ray")
    except ModuleNotFoundError:
        raise UserError("Ray is not installed; pip install -r requirements-ray.txt") from None
    address = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    try:
        if address != "auto":  # where nobody answers, ray.init tries for minutes
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=5).close()
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except ValueError:
        raise UserError(f"--ray {address}: an address is auto or HOST:PORT") from None
    except (OSError, RuntimeError) as error:
        what = str(error).splitlines()[0]
        raise UserError(f"no Ray cluster answers at {address} ({what}); ray start --head, see the README") from None
    ray.cloudpickle.register_pickle_by_value(sys.modules["roadseg"])  # the workers don't have this folder
    return ray


def shares(nodes: list[Mapping[str, Any]], gpu_share: float | None) -> tuple[float, int]:
    """Return the GPUs and the CPU cores of one experiment: as large a part of a machine's cores as of its GPUs.

    Without GPUs it gets all cores of the smallest machine: trainings that share cores wait for each other.
    Raises UserError for a share that Ray can't give, or that no machine has.
    """
    machines = [node["Resources"] for node in nodes if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    gpus = float(any("GPU" in machine for machine in machines)) if gpu_share is None else gpu_share
    if gpus < 0 or (gpus > 1 and gpus % 1):
        raise UserError(f"--gpu-share {gpus:g}: set a fraction of one GPU, or a whole number of GPUs")
    fitting = [machine for machine in machines if machine.get("GPU", 0) >= gpus]
    if not fitting:
        raise UserError(f"no machine of this Ray cluster has a CPU core and {gpus:g} GPUs; see ray status")
    return gpus, min(max(1, int(x["CPU"] * (gpus / x["GPU"] if gpus else 1))) for x in fitting)


def note_queue(ray: Any) -> Any:
    """Make a queue on this machine in which each task puts its name and machine when it starts."""
    here = ray.get_runtime_context().get_node_id()
    pinned = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy(here, soft=False)
    return import_module("ray.util.queue").Queue(actor_options={"num_cpus": 0, "scheduling_strategy": pinned})


def ended(ray: Any, tasks: dict[Any, Experiment], notes: Any) -> Iterator[tuple[Experiment, int, str]]:
    """Yield each task's experiment, exit code and output as it ends."""
    seen: set[str] = set()
    while tasks:
        done, _ = ray.wait(list(tasks), timeout=POLL)
        for name, machine in notes.get_nowait_batch(notes.qsize()):
            print(f"{name}: started {'again ' if name in seen else ''}on {machine}", flush=True)
            seen.add(name)
        for reference in done:
            yield tasks.pop(reference), *outcome(ray, reference)


def outcome(ray: Any, reference: Any) -> tuple[int, str]:
    """Return a task's result; for a failure of Ray one line, for an exception in the task its traceback."""
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        return 1, str(error)
    except ray.exceptions.RayError as error:
        return 1, str(error).splitlines()[0]


def pull_experiment(name: str, commit: str) -> str:
    """Fetch an experiment of a commit from the remotes; return why that failed, or ""."""
    remove_experiment(name)  # of older inputs, if any
    reference = f"refs/exps/{commit[:2]}/{commit[2:]}/{name}"  # the name alone may stand for those of older commits
    try:
        output = dvc("exp", "pull", "--force", "origin", reference, with_stderr=True)
    except UserError as error:
        return str(error)
    if "Missing cache files" in output:  # DVC counts it as a success
        return "its files are not in the DVC remote; is that the same place for all machines?"
    return ""
