"""Each wrong value of params.yaml is refused by the first stage, before any output goes."""

import shutil
from pathlib import Path

import pytest
from bad_params import PARAMS, cases
from conftest import ROOT
from refusals import TRUST, refusal

import preflight

CASES = dict([*cases()][:: 1 if TRUST else 4])


@pytest.fixture(scope="module", autouse=True)
def project(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("params")
        patch.chdir(folder)
        shutil.copy(ROOT / "dvc.yaml", "dvc.yaml")
        yield


@pytest.mark.timeout(100)
@pytest.mark.parametrize("name", CASES)
def test_is_refused(name, record_property):
    record_property("trust", "bad params.yaml")
    Path("params.yaml").write_bytes(CASES[name]())
    lines = refusal("preflight")
    named = name.partition(":")[0].removeprefix("without ").split(".")[-1]
    assert any(named in line for line in lines) or named not in str(PARAMS)


def test_the_projects_own_is_accepted():
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    preflight.main()
