"""Put the trained model with all that belongs to it into one folder that others can take.

python src/release.py NAME      what `make release NAME=...` runs, after `dvc repro`: models, metrics -> release/NAME
"""

import argparse
import json
import shutil
from pathlib import Path

from pipeline import paths
from pipeline.params import load_params
from pipeline.stage import replacing, run, write_json
from roadseg.classes import NAMES, PALETTE
from roadseg.errors import UserError
from roadseg.report.pages import render

RELEASES = Path("release")
COPIED = (paths.MODEL, paths.PARAMS, paths.SCORE, paths.PER_CLASS, paths.FLOPS, paths.REPORT_JSON)


def main() -> None:
    parser = argparse.ArgumentParser(description="Put the trained model into a folder of its own.")
    parser.add_argument("name", help="of the folder under release/")
    name = parser.parse_args().name
    if Path(name).name != name or name.startswith("."):
        raise UserError(f"NAME={name!r} is not a folder name; use letters, digits, - and _")
    if missing := [path for path in COPIED if not path.exists()]:
        raise UserError(f"{missing[0]} is missing; run `dvc repro` or `dvc pull` first")
    params = load_params()
    facts = {path.stem: json.loads(path.read_text()) for path in (paths.SCORE, paths.FLOPS, paths.REPORT_JSON)}
    card = render("model_card.md.j2", facts | {"name": name, "params": params, "row": params.models[params.model]})
    with replacing(RELEASES / name) as folder:
        folder.mkdir(parents=True)
        for path in COPIED:
            shutil.copy(path, folder)
        classes = [{"train_id": i, "name": n, "rgb": PALETTE[i].tolist()} for i, n in enumerate(NAMES)]
        write_json(folder / "classes.json", classes)
        (folder / "README.md").write_text(card)
    print(f"{RELEASES / name}: the weights, their parameters, classes and metrics, and a model card")


if __name__ == "__main__":
    run(main)
