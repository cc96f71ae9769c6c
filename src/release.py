"""Put the trained model with all that belongs to it into one folder that others can take.

python src/release.py NAME      what `make release NAME=...` runs, after `dvc repro`: models, metrics -> release/NAME
    --no-onnx                   without model.onnx and use.py
"""

import argparse
import json
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from roadseg.data.download import shown_url
from roadseg.frames.classes import ClassSet, read_classes
from roadseg.frames.files import split_files
from roadseg.frames.images import read_label
from roadseg.frames.store import load_frames, resize_rule
from roadseg.pipeline import paths
from roadseg.pipeline.catalogues import read_params
from roadseg.pipeline.errors import UserError
from roadseg.pipeline.machine import store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import read_json, replacing, run, write_json
from roadseg.report.narrative import classes_in_words
from roadseg.report.pages import render
from roadseg.report.sources import source_of

RELEASES = Path("release")
COPIED = (paths.MODEL, paths.SCORE, paths.PER_CLASS, paths.FLOPS, paths.REPORT_JSON)
COMPARED = 16  # test frames on which model.onnx is compared with the network
USE = Path(__file__).parent / "roadseg" / "inference" / "templates" / "use.py"


def main() -> None:
    options = arguments()
    if missing := [path for path in (paths.PARAMS, *COPIED, paths.CLASSES) if not path.exists()]:
        raise UserError(f"{missing[0]} is missing; run `dvc repro` or `dvc pull` first")
    from roadseg.inference.export import hub_config, is_smp  # loads torch, as wrong options needn't
    from roadseg.networks.catalogue import build_model

    params, classes = load_params(), read_classes(paths.SEG_DATA)
    network = build_model(params.model, params.network, len(classes))
    with replacing(RELEASES / options.name) as folder:
        folder.mkdir(parents=True)
        for path in COPIED:
            shutil.copy(path, folder)
        row = params.network.model_dump(exclude={"pretrained"})
        write_json(folder / "config.json", hub_config(network, params.model, row))
        write_json(folder / "classes.json", class_rows(classes))
        (folder / paths.PARAMS.name).write_text(public_params(params), encoding="utf-8")
        exported = export(folder, params, network, len(classes)) if options.onnx else {}
        facts = card_facts(options.name, params, classes) | {"is_smp": is_smp(network), "exported": exported}
        card = render("model_card.md.j2", facts)
        (folder / "README.md").write_text(card, encoding="utf-8")
    onnx = ", model.onnx and use.py" if options.onnx else ""
    print(f"{RELEASES / options.name}: the weights, their parameters, classes and metrics{onnx}, and a model card")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Put the trained model into a folder of its own.",
        epilog="example: python src/release.py first --no-onnx",
    )
    parser.add_argument("name", help="of the folder under release/; one that is there is replaced")
    parser.add_argument("--no-onnx", dest="onnx", action="store_false", help="without model.onnx and use.py")
    options = parser.parse_args()
    if not options.name or Path(options.name).name != options.name or options.name.startswith("."):
        raise UserError(f"NAME={options.name!r} is not a folder name; use letters, digits, - and _")
    return options


# --- files for other programs


def export(folder: Path, params: Params, network: Any, num_classes: int) -> dict[str, Any]:
    """Write model.onnx and use.py; return what the card says of them, how far model.onnx is from the network included.

    A UserError where model.onnx can't be made or is too far from the network.
    """
    from roadseg.inference.engines import onnxruntime_session
    from roadseg.inference.export import check_parity, compare, network_logits
    from roadseg.inference.graph import OPSET, export_for_pictures
    from roadseg.networks.tta import passes_of
    from roadseg.networks.weights import fill_network

    fill_network(network, paths.MODEL)
    size, upsampling = (params.input.height, params.input.width), params.predict.upsampling
    notes = {"resize": resize_rule(params.input.resize, training=False), "upsampling": upsampling}
    try:
        graph = export_for_pictures(network, size, notes)
    except UserError as error:
        raise UserError(f"models.{params.model}: {error}; pass --no-onnx to release it without model.onnx") from None
    (folder / "model.onnx").write_bytes(graph)
    shutil.copy(USE, folder)
    files = split_files(paths.SEG_DATA, read_json(paths.SPLITS), "test")[:COMPARED]
    images = load_frames(files, params.input, training=False, store=store_folder()).images
    labels = [read_label(file.label) for file in files]
    parity = compare(network_logits(network), onnxruntime_session(graph), images, labels, upsampling, num_classes)
    check_parity(parity, "model.onnx")
    mious = f"{100 * parity.miou:.2f} %, by torch {100 * parity.network_miou:.2f} %"
    print(f"model.onnx: mIoU of {len(images)} test frames {mious}")
    return {
        "parity": parity,
        "sizes": {path.name: path.stat().st_size / 1e6 for path in folder.iterdir()},
        "compared": len(images),
        "opset": OPSET,
        "passes": len(passes_of(params.predict.passes, *size)),
    }


# --- the card


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
        "row": params.network,
        "flops_size": f"{params.flops.height}x{params.flops.width}",
        "input_size": f"{params.input.height}x{params.input.width}",
        "source": source_of(params.data.source),
        "pretrained": pretrained,
        "start_terms": "" if pretrained == "none" else f" They started from {pretrained}, whose terms apply as well.",
    }


def public_params(params: Params) -> str:
    """The parameters and the chosen rows in one file, without local paths and what addresses hold of secrets."""
    network, classes = (row.model_dump(exclude_unset=True) for row in (params.network, params.class_row))
    rows = {"models": {params.model: network}, "class_sets": {params.classes: classes}}
    released = public(read_params() | rows)
    for section in released["data"].values():
        if isinstance(section, dict) and "path" in section:
            section["path"] = None
    released["class_file"] = None
    return yaml.safe_dump(released, sort_keys=False, allow_unicode=True)


def public(value: Any) -> Any:
    """Nested values as others may see them: addresses without secrets, of a path its last part."""
    if isinstance(value, dict):
        return {key: public(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [public(inner) for inner in value]
    if isinstance(value, str):
        kind, path = ("file:", value[5:]) if value.startswith("file:") else ("", value)
        is_path = bool(kind) or path.startswith(("/", "~", "../", "./"))
        return kind + PurePosixPath(path).name if is_path else shown_url(value)
    return value


if __name__ == "__main__":
    run(main)
