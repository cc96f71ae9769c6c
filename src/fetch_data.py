"""Bring the frames into the seg_data layout, checked, whatever they come from, and write the splits down.

    python src/fetch_data.py        DVC stage `fetch_data`: (the source) -> data/seg_data

Sources (`data.source`): synthetic, road scenes drawn here; kitti, the official archive, downloaded once into a store
outside the project; seg_data, a folder, zip or tar in any of the layouts of roadseg/data/own.py; cityscapes and
mapillary, folders as they are unpacked from the archives that those who register get. What labels hold becomes class
ids by the row of conf/classes.yaml that `classes` names, and the classes are written down beside the frames.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from roadseg.data import cityscapes, kitti, mapillary, own
from roadseg.data.archives import Tree, check_archive
from roadseg.data.class_sets import OWN, LabelRule, label_rule, read_class_file
from roadseg.data.download import download, shown_url
from roadseg.data.pairs import Found
from roadseg.data.seg_data import PARTS, Imported, import_frames, make_layout, sizes, stems
from roadseg.data.splits import make_splits, use_fold
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.machine import store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import replacing, run_stage, write_json
from roadseg.scenes.files import write_scenes


def main() -> None:
    params = load_params()
    rule = chosen_rule(params)
    with replacing(paths.SEG_DATA) as folder:
        make_layout(folder)
        origin, imported = fill(folder, params, rule)
        if params.data.fold != "none":
            use_fold(folder, params.data.fold, len(rule.classes))
        training, testing = (stems(folder, part) for part in PARTS)
        splits = make_splits(training, testing, params.data.val_fraction, imported.val)
        write_json(folder / paths.SPLITS.name, splits)
    for note in imported.notes:
        print(f"note: {note}")
    counts = ", ".join(f"{len(names)} {split}" for split, names in splits.items())
    print(f"{paths.SEG_DATA}: {counts} frames of {in_words(sizes(paths.SEG_DATA))}, from {origin}")


def chosen_rule(params: Params) -> LabelRule:
    """The classes of `classes`, and what in a label means them; UserError where the row's file is wrong."""
    row = read_class_file(paths.INPUT_CLASSES) if params.classes == OWN else params.class_row
    return label_rule(params.classes, row)


def fill(folder: Path, params: Params, rule: LabelRule) -> tuple[str, Imported]:
    """Write the frames of the chosen source into the empty layout; say where they are from, and what to know of them.

    Raises UserError where they are not right.
    """
    leak = params.data.allow_leak
    find: Callable[[Tree], Found]
    match params.data.source:
        case "synthetic":
            scenes = params.data.synthetic
            write_scenes(folder, (scenes.train_frames, scenes.test_frames), (scenes.height, scenes.width), scenes.seed)
            return f"generated scenes (seed {scenes.seed})", Imported([])
        case "kitti":
            archive, digest = download(params.data.kitti.url, store_folder(), params.data.kitti.sha256, check_archive)
            print(f"{archive}: sha256 {digest}")
            return shown_url(params.data.kitti.url), import_frames(archive, folder, kitti.find_frames, leak)
        case "seg_data":
            find = partial(own.find_frames, rule=rule)
        case "cityscapes":
            find = cityscapes.find_frames
        case "mapillary":
            find = mapillary.find_frames
    source = path_of(params)
    return printable(source), import_frames(source, folder, find, leak)


def path_of(params: Params) -> Path:
    """Return the path that the chosen source names; UserError where it begins with an unknown user's home."""
    try:
        return Path(params.data.path or "").expanduser()
    except RuntimeError:
        key = f"data.{params.data.source}.path"
        raise UserError(f"{key}: {params.data.path} begins with a user who isn't known here; write it out") from None


def in_words(sizes: list[tuple[int, int]]) -> str:
    smallest, largest = (f"{height}x{width}" for height, width in (sizes[0], sizes[-1]))
    return smallest if len(sizes) == 1 else f"{len(sizes)} sizes, {smallest} to {largest}"


if __name__ == "__main__":
    run_stage(main)
