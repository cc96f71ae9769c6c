"""A sweep over several machines: what is refused before it starts, one task's work, and a Ray that loses a worker."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from conftest import ROOT

from roadseg.experiments import clone_run, ray_sweep
from roadseg.experiments.variants import Experiment
from roadseg.pipeline.errors import UserError

DVC = [sys.executable, "-m", "dvc"]
# a pipeline of one stage: for a=2 it leaves its process's id, and only the first time it then waits to be killed
STAGE = """\
import os, pathlib, time, yaml
params = yaml.safe_load(open("params.yaml"))
if params["a"] == 13:
    raise SystemExit("error: 13 is no number")
mark = pathlib.Path(params["mark"])
if params["a"] == 2 and not mark.exists():
    mark.write_text(f"{os.getpid()} {os.getcwd()}")
    time.sleep(120)
pathlib.Path("out.txt").write_text(f"{params['a']} {os.environ['OMP_NUM_THREADS']}")
pathlib.Path("m.json").write_text('{"a": %s}' % params["a"])
"""
PIPELINE = """\
stages:
  make:
    cmd: python src/make.py
    deps: [src/make.py]
    params: [a, mark]
    outs: [out.txt]
    metrics: [{m.json: {cache: false}}]
"""


CONFIG = """\
[core]
    analytics = false
    remote = store
['remote "store"']
    url = {}
"""


def toy(variant, a):
    return Experiment("toy", variant, 1, {"a": a}, {})


def run(folder, *words):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small pipeline beside the real `src`, pushed to a bare git remote; the DVC remote is an empty folder."""
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "a")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "a@b")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "scenes"))
    (folder / "src" / "make.py").write_text(STAGE)
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "params.yaml").write_text(f"a: 0\nmark: {tmp_path / 'mark'}\n")
    (folder / ".gitignore").write_text("out.txt\n__pycache__/\n")
    (tmp_path / "store").mkdir()
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text(CONFIG.format(tmp_path / "store"))
    (folder / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "git", "add", ".")
    run(folder, "git", "commit", "-qm", "toy")
    run(tmp_path, "git", "init", "-q", "--bare", "git")
    run(folder, "git", "remote", "add", "origin", "../git")
    run(folder, "git", "push", "-q", "origin", "main")
    monkeypatch.chdir(folder)
    return folder


def attempt(experiment):
    """One task's work, without Ray."""
    url, commit = ray_sweep.pushed_commit()
    order = json.dumps(asdict(experiment))
    return clone_run.attempt(experiment.name, order, url, commit, {"OMP_NUM_THREADS": "3"}, lambda _: None)


def results(folder):
    """The metric of each experiment of this repository."""
    shown = json.loads(run(folder, *DVC, "exp", "show", "--json", "--all-commits"))
    rows = [row for baseline in shown for row in baseline["experiments"] or []]
    return {row["name"]: row["revs"][0]["data"]["metrics"]["m.json"]["data"]["a"] for row in rows}


def test_without_ray_installed_the_remedy_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"^Ray is not installed; pip install -r requirements-ray\.txt$"):
        ray_sweep.connect("auto")


@pytest.mark.parametrize("address", ["here", "127.0.0.1", "host:port"])
def test_what_is_no_address_is_reported(address):
    pytest.importorskip("ray")
    with pytest.raises(UserError, match=f"--ray {address}: an address is auto or HOST:PORT"):
        ray_sweep.connect(address)


def test_an_address_where_nobody_answers_is_reported_at_once():
    pytest.importorskip("ray")
    started = time.monotonic()
    with pytest.raises(UserError, match=r"no Ray cluster answers at 127\.0\.0\.1:\d+ .*refused.*ray start --head"):
        ray_sweep.connect(f"127.0.0.1:{free_port()}")
    assert time.monotonic() - started < 20


def test_a_commit_that_is_not_pushed_is_reported(project):
    assert ray_sweep.pushed_commit() == (str(project.parent / "git"), run(project, "git", "rev-parse", "HEAD").strip())
    run(project, "git", "commit", "-q", "--allow-empty", "-m", "more")
    with pytest.raises(UserError, match=r"commit \w{7} is not in ../git, .*; git push first"):
        ray_sweep.pushed_commit()
    run(project, "git", "remote", "set-url", "origin", "../nowhere")
    with pytest.raises(UserError, match=r"git fetch failed: '../nowhere' does not appear to be a git repository"):
        ray_sweep.pushed_commit()
    run(project, "git", "remote", "remove", "origin")
    with pytest.raises(UserError, match="there is no git remote `origin`"):
        ray_sweep.pushed_commit()


def test_a_dvc_remote_that_the_machines_cannot_share_is_reported(project):
    clone_run.check_dvc_remote()
    config = (project / ".dvc" / "config").read_text()
    for wrong, message in (
        (config.replace(str(project.parent), "../.."), "is the relative path ../../store; it must be absolute"),
        (config.replace("/store\n", "/gone\n"), r"/gone is not there on .*; create or mount it"),
        (config.replace("remote = store\n", ""), "the commit has no default DVC remote; dvc remote add -d"),
    ):
        (project / ".dvc" / "config").write_text(wrong)
        run(project, "git", "commit", "-qam", "config")
        with pytest.raises(UserError, match=message):
            clone_run.check_dvc_remote()
    (project / ".dvc" / "config").write_text(config.replace(f"{project.parent}/store", "s3://bucket/x"))
    run(project, "git", "commit", "-qam", "config")
    clone_run.check_dvc_remote()


def machine(cpus, gpus=None, alive=True):
    return {"Alive": alive, "Resources": {"CPU": cpus} | ({"GPU": gpus} if gpus else {})}


@pytest.mark.parametrize(
    ("machines", "gpu_share", "expected"),
    [
        ([machine(8.0), machine(2.0), machine(0.0), machine(1.0, alive=False)], None, (0, 2)),
        ([machine(16.0, 4.0), machine(64.0)], None, (1, 4)),
        ([machine(16.0, 4.0), machine(6.0, 2.0)], 0.5, (0.5, 1)),
        ([machine(16.0, 4.0), machine(6.0, 1.0)], 2.0, (2, 8)),
        ([machine(2.0, 4.0)], None, (1, 1)),
        ([machine(16.0, 4.0)], 0.0, (0, 16)),
    ],
)
def test_a_variant_takes_as_large_a_part_of_the_cores_as_of_the_gpus(machines, gpu_share, expected):
    assert ray_sweep.shares(machines, gpu_share) == expected


@pytest.mark.parametrize("share", [-1.0, 1.5])
def test_a_share_that_ray_could_not_give_is_reported(share):
    with pytest.raises(UserError, match=f"--gpu-share {share:g}: set a fraction of one GPU, or a whole number"):
        ray_sweep.shares([machine(8.0, 4.0)], share)
    with pytest.raises(UserError, match="no machine of this Ray cluster has a CPU core and 8 GPUs"):
        ray_sweep.shares([machine(8.0, 4.0)], 8.0)


@pytest.mark.slow
def test_a_task_runs_in_a_clone_and_its_results_come_back_with_their_files(project):
    code, output = attempt(toy("one", 1))
    assert code == 0, output
    assert "Running stage 'make'" in output
    assert results(project) == {}
    commit = run(project, "git", "rev-parse", "HEAD").strip()
    files, hidden = (project.parent / "store" / name for name in ("files", "hidden"))
    files.rename(hidden)
    assert "its files are not in the DVC remote" in ray_sweep.pull_experiment("toy-one-s1", commit)
    assert "dvc exp pull failed" in ray_sweep.pull_experiment("toy-none-s1", commit)
    hidden.rename(files)
    # with other inputs, and pushed before as by a run that was killed
    assert attempt(toy("one", 5))[0] == 0
    assert ray_sweep.pull_experiment("toy-one-s1", commit) == ""
    assert results(project) == {"toy-one-s1": 5}
    run(project, *DVC, "exp", "apply", "toy-one-s1")
    assert (project / "out.txt").read_text() == "5 3"
    assert run(project, "git", "status", "--porcelain", "--", "src") == ""


@pytest.mark.slow
def test_a_task_that_fails_gives_its_reason_and_leaves_nothing(project, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    code, output = attempt(toy("bad", 13))
    assert (code, ray_sweep.reason_in(output)) == (1, "13 is no number")
    assert list((tmp_path / "temporary").iterdir()) == []
    (tmp_path / "store").rmdir()
    code, output = attempt(toy("one", 1))
    assert code == 1
    assert ray_sweep.reason_in(output).startswith(f"the DVC remote {tmp_path / 'store'} is not there on ")


DRIVER = """\
import sys
sys.path.insert(0, {src!r})
from pathlib import Path
from roadseg.experiments.variants import Experiment
from roadseg.experiments.ray_sweep import sweep
todo = [Experiment("toy", name, 1, {{"a": a}}, {{}}) for name, a in (("one", 1), ("two", 2), ("bad", 13), ("four", 4))]
for experiment, reason, _ in sweep(todo, {address!r}, None):
    print(f"{{experiment.name}}: {{reason or 'done'}}", flush=True)
"""


@pytest.mark.slow
def test_a_killed_workers_variant_runs_again_on_a_real_ray(project, cluster):
    """The workers have the packages, but not this `src`: what they run comes with the task, or from the clone."""
    mark = project.parent / "mark"
    script = DRIVER.format(src=str(ROOT / "src"), address=cluster)
    words = [sys.executable, "-c", script]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as driver:
        assert driver.stdout is not None
        wait_for(lambda: mark.exists() and len(mark.read_text().split()) == 2)
        pid, place = mark.read_text().split()
        stage = psutil.Process(int(pid))
        (worker,) = (x for x in stage.parents() if x.cmdline() and x.cmdline()[0].startswith("ray::"))
        worker.kill()
        output = driver.stdout.read()
    assert driver.returncode == 0, output
    assert not psutil.pid_exists(int(pid))
    assert not Path(place.split("/clone/")[0]).exists()
    lines = output.splitlines()
    assert f"toy-two-s1: started again on {socket.gethostname()}" in lines, output
    assert {"toy-one-s1: done", "toy-two-s1: done", "toy-bad-s1: 13 is no number", "toy-four-s1: done"} <= set(lines)
    assert results(project) == {"toy-one-s1": 1, "toy-two-s1": 2, "toy-four-s1": 4}


@pytest.fixture
def cluster(tmp_path_factory):
    """The address of a Ray of two machines, each with one core; they end with the test."""
    pytest.importorskip("ray")
    address = f"127.0.0.1:{free_port()}"
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # sockets have short paths
    ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", "--disable-usage-stats"]
    head = [*ray, "--head", f"--port={address[10:]}", "--include-dashboard=false", f"--temp-dir={folder}"]
    nodes = []
    try:
        for words in (head, [*ray, f"--address={address}"]):
            log = tmp_path_factory.mktemp("node") / "log"
            with log.open("w") as file:
                nodes.append(subprocess.Popen(words, stdout=file, stderr=file, start_new_session=True))
            wait_for(lambda log=log: "Ray runtime started" in log.read_text())
        yield address
    finally:
        for node in reversed(nodes):
            end(node)
        shutil.rmtree(folder, ignore_errors=True)


def end(node):
    below = psutil.Process(node.pid).children(recursive=True)
    node.send_signal(signal.SIGTERM)
    psutil.wait_procs(below, timeout=5)
    for process in below:
        if process.is_running():
            process.kill()
    if node.poll() is None:
        os.killpg(node.pid, signal.SIGKILL)
    node.wait()


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
