"""Two processes on CPUs train as one does at the same whole batch, and only the first one writes."""

import os
import socket
import subprocess
import sys

import pandas as pd
import pytest
import torch
import torch.distributed as dist
from conftest import PARAMS, ROOT, write_params
from safetensors.torch import load_file, save_file
from small_project import SMALL

import class_weights
import fetch_data
import fetch_pretrained
from roadseg.experiments.variants import apply_overrides
from roadseg.networks.catalogue import build_model
from roadseg.networks.precision import make_deterministic
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.params import Train
from roadseg.training.processes import (
    build_fabric,
    check_shareable,
    gather_over_processes,
    sum_over_processes,
    sync_batch_norms,
)

TRAIN = ROOT / "src" / "train.py"
# rounding grows from step to step; plain steps keep it small where Adam's would make signs of it
CALM = {
    "data.synthetic.train_frames": 11,
    "loss": "ce_dice",
    "train.optimizer": "sgd",
    "train.lr": 0.001,
    "train.precision": "32-true",
}


def start(folder, *words, **environment):
    return subprocess.Popen(
        [sys.executable, *words, str(TRAIN)],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def output_of(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def make_project(folder, **changes):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_params(apply_overrides(PARAMS, SMALL | CALM | changes))
        for stage in (fetch_data, fetch_pretrained, class_weights):
            stage.main()
    return folder


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    """A project in which one process has trained."""
    folder = make_project(tmp_path_factory.mktemp("one"))
    output_of(start(folder))
    return folder


def assert_same_training(folder, expected):
    curves = [pd.read_csv(f / "metrics" / "train_history.csv") for f in (folder, expected)]
    assert curves[0]["loss"].tolist() == pytest.approx(curves[1]["loss"].tolist(), rel=1e-4)
    assert curves[0]["val_loss"].tolist() == pytest.approx(curves[1]["val_loss"].tolist(), rel=1e-3)
    assert curves[0]["miou"].tolist() == pytest.approx(curves[1]["miou"].tolist(), abs=2e-3)
    weights, expected_weights = (load_file(f / "models" / "model.safetensors") for f in (folder, expected))
    assert weights.keys() == expected_weights.keys()
    before, after, expected_after = (
        torch.cat([tensors[name].flatten() for name in tensors if name.endswith("weight")])
        for tensors in (initial_weights(), weights, expected_weights)
    )
    assert (after - expected_after).norm() < 0.02 * (expected_after - before).norm()
    assert '"2 x cpu with 1 thread, 32-true"' in (folder / "metrics" / "train.json").read_text()


def initial_weights():
    make_deterministic(PARAMS["seed"])
    return build_model(PARAMS["model"], PARAMS["models"][PARAMS["model"]], 19).state_dict()


@pytest.mark.slow
def test_two_processes_of_one_machine(one_process, tmp_path):
    output = output_of(start(make_project(tmp_path), ROADSEG_DEVICES="2"))
    assert output.count("epoch   1  lr") == 1
    assert_same_training(tmp_path, one_process)


# what is averaged must be the same in all processes, and a head at random, too
FINE_TUNING = {
    "pretrained": "file:start.safetensors",
    "loss": "ce_lovasz",
    "train.batch_norm": "frozen",
    "train.clip": 1.0,
    "train.ema": 0.9,
    "train.weight_interpolation": 0.25,
    "train.logit_adjustment": 1.0,
    "train.decay": "weights",
    "train.freeze": "encoder",
}


@pytest.mark.slow
def test_two_processes_fine_tune_as_one_does(tmp_path):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder, devices in zip(folders, "12", strict=True):
        folder.mkdir()
        save_file(initial_weights(), folder / "start.safetensors")
        make_project(folder, **FINE_TUNING)
        output_of(start(folder, ROADSEG_DEVICES=devices))
    assert_same_training(folders[1], folders[0])


@pytest.mark.slow
def test_two_machines_by_torchrun(one_process, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        first = ["--master-addr=127.0.0.1", f"--master-port={free.getsockname()[1]}"]
    nodes = [tmp_path / "first", tmp_path / "second"]
    processes = []
    for rank, node in enumerate(nodes):
        node.mkdir()
        make_project(node)
        words = ["-m", "torch.distributed.run", "--nnodes=2", f"--node-rank={rank}", "--nproc-per-node=1", *first]
        processes.append(start(node, *words))
    for process in processes:
        output_of(process)
    assert not (nodes[1] / "models" / "model.safetensors").exists()
    assert_same_training(nodes[0], one_process)


@pytest.fixture
def one_rank(tmp_path):
    """A process group of this process alone."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def test_the_synced_batch_norm_computes_what_torchs_does(one_rank):
    expected = torch.nn.BatchNorm2d(3)
    torch.nn.init.uniform_(expected.weight)
    synced = torch.nn.BatchNorm2d(3)
    synced.load_state_dict(expected.state_dict())
    sync_batch_norms(synced, torch.device("cpu"))
    assert type(synced) is not type(expected)
    results = []
    for norm in (expected, synced):
        images = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
        trained = norm.train()(images)
        (trained * torch.arange(5.0)).square().sum().backward()
        evaluated = norm.eval()(images)
        results.append([trained, evaluated, images.grad, norm.weight.grad, norm.bias.grad, *norm.state_dict().values()])
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-5)


def test_other_batch_norms_are_refused_on_cpus(one_rank):
    with pytest.raises(UserError, match="this network has BatchNorm1d; several processes train it on GPUs alone"):
        sync_batch_norms(torch.nn.Sequential(torch.nn.BatchNorm1d(3)), torch.device("cpu"))


@pytest.mark.parametrize("over_processes", [sum_over_processes, gather_over_processes])
def test_of_one_process_sums_and_rows_are_its_own(one_rank, over_processes):
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    both = over_processes(x)
    assert both.tolist() == [1, 2]
    both.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_numbers_of_processes_that_don_t_fit_are_reported(monkeypatch):
    def check(num_frames, world, freeze="encoder"):
        check_shareable(num_frames, Train.model_construct(batch_size=4, freeze=freeze), world)

    check(7, world=3)
    check(8, world=4)
    check(8, world=1, freeze="3")
    with pytest.raises(UserError, match="4 leaves a last batch of 3 of 7 frames, fewer than the 4 processes"):
        check(7, world=4)
    with pytest.raises(UserError, match=r"train\.freeze: 3 epochs can't be shared by 2 processes; start one"):
        check(8, world=2, freeze="3")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(UserError, match="3 processes on this machine, but it has 2 GPUs"):
        build_fabric("32-true", num_devices=3)
