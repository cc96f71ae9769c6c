"""Build the page into which `dvc plots` draws, so that it needs no internet: DVC's own loads Vega from a server.

python src/plots_page.py    what `make plots-page` runs, once a clone: npm -> .dvc/page.html (0.8 MB, not in git)

npm fetches the three packages; then DVC is told of the page in .dvc/config.local.
"""

import argparse
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from roadseg.pipeline.commands import dvc
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.stage import replacing, run

PAGE = Path(".dvc/page.html")
# the package, its version, and the SHA-256 of the file in it that a page needs
PACKAGES = (
    ("vega", "5.33.0", "a71f14828abacac82fbe8adb07ce65cbb82561d8eef188053c4a1c09e0164dcb"),
    ("vega-lite", "5.23.0", "58c27358e26f2d319cf62f45bc17a4c8362f08645001df2ec8d341eee4097c7f"),
    ("vega-embed", "6.29.0", "12d02acfbe3ec59ef9a37dd4822a2e04e2961b5bbb671bbe661d2221715b99da"),
)
# DVC fills in the two names in braces
TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{refresh_tag}
<title>dvc plots</title>
<style>
body { font-family: sans-serif; }
table { border-spacing: 15px; }
img { max-width: 44vw; }
</style>
SCRIPTS
</head>
<body>
{plot_divs}
</body>
</html>
"""


def main() -> None:
    argparse.ArgumentParser(
        description="Build the page into which `dvc plots` draws, so that it needs no internet.",
        epilog="example: python src/plots_page.py && dvc plots show",
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scripts = [script_of(*package, Path(folder)) for package in PACKAGES]
    with replacing(PAGE) as temporary:
        temporary.write_text(page_of(scripts), encoding="utf-8")
    dvc("config", "--local", "plots.html_template", PAGE.name)  # seen from .dvc
    print(f"{PAGE}: `dvc plots show` and `dvc plots diff` now make pages that need no internet")


def script_of(name: str, version: str, sha256: str, folder: Path) -> str:
    """Fetch a package by npm and return the script in it; UserError where npm is missing, fails, or gives another."""
    npm = shutil.which("npm")
    if npm is None:
        raise UserError("npm is not installed, and fetches Vega; install Node.js, or use dvc's own page, online")
    done = subprocess.run(
        [npm, "pack", "--silent", "--pack-destination", str(folder), f"{name}@{version}"],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    if done.returncode:
        last = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise UserError(f"npm can't fetch {name} {version} ({last}); check the network and npm's registry, run again")
    with tarfile.open(folder / f"{name}-{version}.tgz") as archive:
        file = archive.extractfile(f"package/build/{name}.min.js")
        script = file.read() if file else b""
    if hashlib.sha256(script).hexdigest() != sha256:
        raise UserError(f"{name} {version} from npm is not the file that it was; check npm's registry")
    return script.decode()


def page_of(scripts: list[str]) -> str:
    """Return the page's template with the scripts in it."""
    return TEMPLATE.replace("SCRIPTS", "\n".join(f"<script>\n{script}\n</script>" for script in scripts))


if __name__ == "__main__":
    run(main)
