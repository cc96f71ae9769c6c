"""A small project: its parameters, and its stages on a few generated frames."""

import os
import shutil
import sys

import pytest
from conftest import PARAMS, ROOT, changed, write_params

import class_weights
import fetch_data
import fetch_pretrained
import flops
import look
import predict
import report
import score
import train
from roadseg.pipeline import paths

SMALL = {
    "data.synthetic": {"train_frames": 6, "test_frames": 3, "height": 96, "width": 192, "seed": 5},
    "data.val_fraction": 0.34,
    "input": {"height": 64, "width": 96, "resize": "area"},
    "train.epochs": 2,
    "augment": "study",
    "loss": "weighted_ce",
    "report.pictures": 2,
}
STAGES = (fetch_data, look, fetch_pretrained, class_weights, train, predict, score, flops, report)


def set_params(**changes):
    """Write the parameters of a small project into the present folder."""
    write_params(changed(PARAMS, SMALL | changes))


def start_project(folder, patch):
    """Make `folder` the present one and a project's root: parameters, and what is in git that stages read."""
    patch.chdir(folder)
    patch.setattr(sys, "argv", ["stage.py"])
    set_params()
    paths.ABLATION.parent.mkdir()
    for ending in (".csv", ".png"):
        shutil.copy(ROOT / paths.ABLATION.with_suffix(ending), paths.ABLATION.with_suffix(ending))


def run_all():
    """Run all stages in the present folder."""
    for stage in STAGES:
        stage.main()


def finish_project(folder):
    """Make a project in a folder and run all of its stages there."""
    with pytest.MonkeyPatch.context() as patch:
        start_project(folder, patch)
        run_all()


def copy_project(finished, folder):
    """Copy a finished project; files of weights are hard links, so replace such a file and never write into it."""

    def link_weights(source, target):
        return os.link(source, target) if source.endswith(".safetensors") else shutil.copy2(source, target)

    shutil.copytree(finished, folder, copy_function=link_weights)


def bytes_of(*files):
    return [file.read_bytes() for file in files]
