"""Bring the frames into the seg_data layout, checked, whatever they come from, and write the splits down.

    python src/fetch_data.py        DVC stage `fetch_data`: (the source) -> data/seg_data

Sources (`data.source`): synthetic, road scenes drawn here; kitti, the official archive, downloaded once into a store
outside the project; seg_data, a folder, zip or tar in any of the layouts of datasets/layouts.py; cityscapes and
mapillary, folders as they are unpacked from the archives that those who register get. What labels hold becomes class
ids by the row of conf/classes.yaml that `classes` names, and the classes are written down beside
the frames.
"""

from pathlib import Path

from roadseg.data import cityscapes, kitti, mapillary, seg_data
from roadseg.data.archives import check_archive
from roadseg.data.class_files import read_class_file
from roadseg.data.class_rows import OWN, LabelRule, label_rule
from roadseg.data.download import download, shown_url
from roadseg.data.folds import hold_out_fold
from roadseg.data.splits import make_splits
from roadseg.data.synthetic import write_scenes
from roadseg.pipeline import paths
from roadseg.pipeline.errors import UserError, printable
from roadseg.pipeline.machine import store_folder
from roadseg.pipeline.params import Params, load_params
from roadseg.pipeline.stage import replacing, run_stage, write_json


def main() -> None:
    params = load_params()
    with replacing(paths.SEG_DATA) as folder:
        seg_data.make_layout(folder)
        rule = chosen_rule(params)
        origin, imported = fill(folder, params, rule)
        if params.data.fold != "none":
            number, count = map(int, params.data.fold.split("/"))
            hold_out_fold(folder, number, count, len(rule.classes))
        training, testing = (seg_data.stems(folder, part) for part in seg_data.PARTS)
        splits = make_splits(training, testing, params.data.val_fraction, imported.held_out)
        write_json(folder / paths.SPLITS.name, splits)
    for note in imported.notes:
        print(f"note: {note}")
    counts = ", ".join(f"{len(names)} {split}" for split, names in splits.items())
    print(f"{paths.SEG_DATA}: {counts} frames of {describe_sizes(seg_data.sizes(paths.SEG_DATA))}, from {origin}")


def chosen_rule(params: Params) -> LabelRule:
    """The classes of `classes`, and what in a label means them; UserError where the row's file is wrong."""
    row = read_class_file(paths.INPUT_CLASSES) if params.classes == OWN else params.class_row
    return label_rule(params.classes, row)


def fill(folder: Path, params: Params, rule: LabelRule) -> tuple[str, seg_data.Imported]:
    """Write the frames of the chosen source into the empty layout; say where they are from, and what to know of them.

    Raises UserError where they are not right.
    """
    match params.data.source:
        case "synthetic":
            scenes = params.data.synthetic
            write_scenes(folder, scenes.train_frames, scenes.test_frames, scenes.height, scenes.width, scenes.seed)
            return f"generated scenes (seed {scenes.seed})", seg_data.Imported([])
        case "kitti":
            archive, digest = download(params.data.kitti.url, store_folder(), params.data.kitti.sha256, check_archive)
            print(f"{archive}: sha256 {digest}")
            notes = kitti.import_frames(archive, folder, params.data.allow_leak)
            return shown_url(params.data.kitti.url), seg_data.Imported(notes)
        case "seg_data":
            source = path_of("data.seg_data.path", params.data.seg_data.path or "")
            return printable(source), seg_data.import_frames(source, folder, params.data.allow_leak, rule)
        case "cityscapes":
            source = path_of("data.cityscapes.path", params.data.cityscapes.path or "")
            notes = cityscapes.import_frames(source, folder, params.data.allow_leak)
            return printable(source), seg_data.Imported(notes)
        case "mapillary":
            source = path_of("data.mapillary.path", params.data.mapillary.path or "")
            notes = mapillary.import_frames(source, folder, params.data.allow_leak)
            return printable(source), seg_data.Imported(notes)


def path_of(key: str, text: str) -> Path:
    """Return the path that the parameter `key` names; UserError where it begins with an unknown user's home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UserError(f"{key}: {text} begins with a user who isn't known here; write it out") from None


def describe_sizes(sizes: list[tuple[int, int]]) -> str:
    smallest, largest = (f"{height}x{width}" for height, width in (sizes[0], sizes[-1]))
    return smallest if len(sizes) == 1 else f"{len(sizes)} sizes, {smallest} to {largest}"


if __name__ == "__main__":
    run_stage(main)
