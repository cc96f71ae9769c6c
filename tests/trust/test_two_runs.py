"""Two runs from nothing that share a store: each gets what it would alone."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT, write_kitti
from small_project import set_params

from roadseg.pipeline import paths

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("ROADSEG_TRUST" not in os.environ, reason="a part of `make trust`"),
]

STAGES = ("fetch_data", "fetch_pretrained", "class_weights", "train", "predict")
COMMAND = " && ".join(f"{sys.executable} {ROOT}/src/{stage}.py" for stage in STAGES)


def start(folder, url, store):
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        set_params(**{"data.source": "kitti", "data.kitti.url": url, "train.epochs": 1})
    environment = os.environ | {"ROADSEG_STORE": str(store)}
    return subprocess.Popen(
        ["sh", "-c", COMMAND], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def results(folder):
    files = [folder / paths.MODEL, *sorted((folder / paths.SEG_DATA).rglob("*.png"))]
    return [file.read_bytes() for file in [*files, *sorted((folder / paths.PREDICTIONS).rglob("*.png"))]]


@pytest.mark.timeout(300)
def test_two_at_a_time(tmp_path, http_server, record_property):
    record_property("trust", "two runs in one store")
    http_server.delay = 0.2  # they ask for the archive together
    write_kitti(http_server.root / "data.zip", [f"{number:06d}_10" for number in range(8)])
    url = f"{http_server.url}/data.zip"
    runs = {name: start(tmp_path / name, url, tmp_path / "shared") for name in ("one", "two")}
    for process in runs.values():
        output, _ = process.communicate(timeout=200)
        assert process.returncode == 0, output
    alone = start(tmp_path / "alone", url, tmp_path / "own")
    alone.communicate(timeout=200)
    assert results(tmp_path / "one") == results(tmp_path / "two") == results(tmp_path / "alone")
    assert len(results(tmp_path / "alone")) > 8
