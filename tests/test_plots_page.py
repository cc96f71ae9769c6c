"""The page for `dvc plots`: built from what npm gives, checked, and free of addresses that it would load from."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile

import pytest

import plots_page
from roadseg.pipeline.errors import UserError

SCRIPT = b"var vega = 1;"


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A stand-in for npm that leaves the packages of `served`, and a project of git and DVC to work in."""
    served, commands, project = tmp_path / "served", tmp_path / "bin", tmp_path / "project"
    for folder in (served, commands, project):
        folder.mkdir()
    script = commands / "npm"
    script.write_text(
        f"#!{sys.executable}\nimport shutil, sys, pathlib\n"
        f"name = sys.argv[-1].replace('@', '-') + '.tgz'\nfile = pathlib.Path({str(served)!r}, name)\n"
        "if not file.exists():\n    sys.exit('npm error 404')\n"
        "shutil.copy(file, pathlib.Path(sys.argv[sys.argv.index('--pack-destination') + 1], name))\n"
    )
    script.chmod(0o755)
    for name, version, _ in plots_page.PACKAGES:
        with tarfile.open(served / f"{name}-{version}.tgz", "w:gz") as archive:
            info = tarfile.TarInfo(f"package/build/{name}.min.js")
            info.size = len(SCRIPT)
            archive.addfile(info, io.BytesIO(SCRIPT))
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("sys.argv", ["plots_page.py"])
    monkeypatch.chdir(project)
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(command, check=True)
    right = hashlib.sha256(SCRIPT).hexdigest()
    monkeypatch.setattr(plots_page, "PACKAGES", [(name, version, right) for name, version, _ in plots_page.PACKAGES])
    return served


def test_dvc_draws_into_the_page(npm, tmp_path):
    plots_page.main()
    (tmp_path / "project" / "curve.csv").write_text("epoch,loss\n1,0.5\n2,0.25\n")
    subprocess.run([sys.executable, "-m", "dvc", "plots", "show", "curve.csv", "-x", "epoch", "-y", "loss"], check=True)
    page = (tmp_path / "project" / "dvc_plots" / "index.html").read_text()
    assert "<script src" not in page
    assert "vegaEmbed(" in page
    assert '"loss": "0.25"' in page
    assert page.count("var vega =") == 3


def test_another_file_than_expected_is_refused(npm, monkeypatch):
    name, version, _ = plots_page.PACKAGES[1]
    monkeypatch.setattr(plots_page, "PACKAGES", [*plots_page.PACKAGES[:1], (name, version, "0" * 64)])
    with pytest.raises(UserError, match=r"vega-lite 5\.\S+ from npm is not the file that it was; check"):
        plots_page.main()
    assert not plots_page.PAGE.exists()


def test_npm_that_fails_or_is_missing_is_reported(npm, monkeypatch):
    next(npm.glob("vega-embed*")).unlink()
    with pytest.raises(UserError, match=r"npm can't fetch vega-embed 6\.\S+ \(npm error 404\); check the network"):
        plots_page.main()
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UserError, match="npm is not installed"):
        plots_page.main()
    assert not plots_page.PAGE.exists()
