"""Put the trained model with all that belongs to it into one folder that others can take.

python src/release.py NAME      what `make release NAME=...` runs, after `dvc repro`: models, metrics -> release/NAME
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from pipeline import paths
from pipeline.params import Params, load_params
from pipeline.stage import replacing, run, write_json
from roadseg.classes import ClassSet, read_classes
from roadseg.errors import UserError
from roadseg.report.addresses import public
from roadseg.report.narrative import classes_in_words
from roadseg.report.pages import render
from roadseg.report.sources import source_of

RELEASES = Path("release")
COPIED = (paths.MODEL, paths.SCORE, paths.PER_CLASS, paths.FLOPS, paths.REPORT_JSON)


def main() -> None:
    parser = argparse.ArgumentParser(description="Put the trained model into a folder of its own.")
    parser.add_argument("name", help="of the folder under release/")
    name = parser.parse_args().name
    if Path(name).name != name or name.startswith("."):
        raise UserError(f"NAME={name!r} is not a folder name; use letters, digits, - and _")
    if missing := [path for path in (paths.PARAMS, *COPIED, paths.CLASSES) if not path.exists()]:
        raise UserError(f"{missing[0]} is missing; run `dvc repro` or `dvc pull` first")
    classes = read_classes(paths.SEG_DATA)
    card = render("model_card.md.j2", card_facts(name, load_params(), classes))
    with replacing(RELEASES / name) as folder:
        folder.mkdir(parents=True)
        for path in COPIED:
            shutil.copy(path, folder)
        write_json(folder / "classes.json", class_rows(classes))
        (folder / paths.PARAMS.name).write_text(
            public_params(paths.PARAMS.read_text(encoding="utf-8")), encoding="utf-8"
        )
        (folder / "README.md").write_text(card, encoding="utf-8")
    print(f"{RELEASES / name}: the weights, their parameters, classes and metrics, and a model card")


def class_rows(classes: ClassSet) -> list[dict[str, Any]]:
    """What classes.json says: each class's id, name and colour."""
    named = zip(classes.names, classes.palette.tolist(), strict=True)
    return [{"train_id": i, "name": name, "rgb": rgb} for i, (name, rgb) in enumerate(named)]


def card_facts(name: str, params: Params, classes: ClassSet) -> dict[str, Any]:
    """What the model card says, from the parameters and the metrics."""
    figures = {path.stem: json.loads(path.read_text()) for path in (paths.SCORE, paths.FLOPS, paths.REPORT_JSON)}
    pretrained = public(params.pretrained)
    return figures | {
        "name": name,
        "classes": len(classes),
        "classes_in_words": classes_in_words(classes),
        "model": params.model,
        "row": params.models[params.model],
        "flops_size": f"{params.flops.height}x{params.flops.width}",
        "input_size": f"{params.input.height}x{params.input.width}",
        "source": source_of(params.data.source),
        "further_terms": further_terms([name for name, row in params.data.also.items() if row.path]),
        "pretrained": pretrained,
        "start_terms": "" if pretrained == "none" else f" They started from {pretrained}, whose terms apply as well.",
    }


def further_terms(names: list[str]) -> str:
    return f" They were trained on further data as well ({', '.join(names)}), whose terms apply, too." if names else ""


def public_params(text: str) -> str:
    """Params.yaml for others: the same text, unless it holds local paths or what addresses hold of secrets."""
    params = yaml.safe_load(text)
    released = public(params)
    for section in ("seg_data", "cityscapes", "mapillary"):
        released["data"][section]["path"] = None
    for row in released["data"]["also"].values():
        row.pop("path", None)
    return text if released == params else yaml.safe_dump(released, sort_keys=False, allow_unicode=True)


if __name__ == "__main__":
    run(main)
